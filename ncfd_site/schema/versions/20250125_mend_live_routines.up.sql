\ir ../bodies/pivotal_study_card.2.sql
\ir ../bodies/storage_routines.1.sql
\ir ../bodies/precision_summary.1.sql
\ir ../bodies/precision_routines.1.sql
\ir ../bodies/company_views.1.sql
\ir ../bodies/company_tickers.1.sql
\ir ../bodies/p_value_column.1.sql
