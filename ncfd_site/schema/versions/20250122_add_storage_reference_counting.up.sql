\ir ../routines/storage_tables.1.sql
\ir ../routines/storage_routines.1.sql
