\ir ../routines/pivotal_study_card.3.sql
\ir ../routines/storage_routines.1.sql
\ir ../routines/precision_summary.1.sql
\ir ../routines/precision_routines.1.sql
\ir ../routines/company_views.1.sql
\ir ../routines/company_tickers.1.sql
\ir ../routines/active_securities.1.sql
\ir ../routines/p_value_column.1.sql
