-- The other definitions are those of the earlier revisions.
\ir ../routines/pivotal_study_card.2.sql
DELETE FROM pg_temp.kept WHERE name = 'enforce_pivotal_study_card()' AND facet IN ('option', 'option search_path');

GRANT EXECUTE ON FUNCTION enforce_pivotal_study_card() TO PUBLIC;
