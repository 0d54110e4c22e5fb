-- The other definitions are those of the earlier revisions.
\ir ../routines/pivotal_study_card.2.sql

GRANT EXECUTE ON FUNCTION enforce_pivotal_study_card() TO PUBLIC;
