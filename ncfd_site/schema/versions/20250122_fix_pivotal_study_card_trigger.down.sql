SELECT pg_temp.refuse_loss('{"staging_errors": "true"}');

\ir ../routines/pivotal_study_card.1.sql

DROP TABLE IF EXISTS staging_errors;
