SELECT pg_temp.refuse_loss('{"score_runs": "state <> ''complete'' OR pruned_at IS NOT NULL"}');

DO $$
BEGIN
    IF to_regclass('score_runs') IS NOT NULL THEN
        -- Without rows, all runs are complete.
        DELETE FROM score_runs WHERE state <> 'complete';
    END IF;
END $$;
DROP TABLE IF EXISTS score_runs;
DROP FUNCTION IF EXISTS sync_score_runs();
DROP PROCEDURE IF EXISTS record_score_runs();
ALTER TABLE trial_current_scores RESET (fillfactor);

\ir ../routines/trial_current_scores.1.sql
