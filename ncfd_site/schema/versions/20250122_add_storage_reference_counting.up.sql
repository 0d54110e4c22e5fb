\ir ../bodies/storage_tables.1.sql
\ir ../bodies/storage_routines.1.sql
