SELECT pg_temp.refuse_loss('{"staging_errors": "true"}');

\ir ../bodies/pivotal_study_card.1.sql

DROP TABLE IF EXISTS staging_errors;
