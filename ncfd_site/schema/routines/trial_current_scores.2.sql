-- Locks the rows before it reads the scores, so that of two concurrent writers the second sees the score of the first.
CREATE OR REPLACE FUNCTION refresh_trial_current_scores(p_trial_ids integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_hidden text[];
BEGIN
    PERFORM FROM public.trial_current_scores s WHERE s.trial_id = ANY (p_trial_ids) ORDER BY s.trial_id FOR NO KEY UPDATE;
    v_hidden := ARRAY(SELECT r.run_id FROM public.score_runs r WHERE r.state <> 'complete');
    UPDATE public.trial_current_scores s
    SET score_id = n.score_ids[1], run_id = n.run_ids[1], scored_at = n.scored_ats[1], p_fail = n.p_fails[1],
        previous_run_id = n.run_ids[2], previous_p_fail = n.p_fails[2]
    FROM unnest(p_trial_ids) AS t (trial_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(c.score_id) AS score_ids, array_agg(c.run_id::text) AS run_ids, array_agg(c.scored_at) AS scored_ats,
               array_agg(c.p_fail) AS p_fails
        -- OFFSET 0 makes the planner read the scores of the trial only; with ORDER BY and LIMIT it scans all scores by time.
        FROM (SELECT x.score_id, x.run_id, x.scored_at, x.p_fail
              FROM (SELECT * FROM public.scores y WHERE y.trial_id = t.trial_id OFFSET 0) x
              WHERE x.run_id <> ALL (v_hidden)
              ORDER BY x.scored_at DESC, x.score_id DESC LIMIT 2) c
    ) n
    WHERE s.trial_id = t.trial_id
      AND (s.score_id, s.run_id, s.scored_at, s.p_fail, s.previous_run_id, s.previous_p_fail) IS DISTINCT FROM
          (n.score_ids[1], n.run_ids[1], n.scored_ats[1], n.p_fails[1], n.run_ids[2], n.p_fails[2]);
END $$;

-- The lock on a run that is not complete makes sync_score_runs() wait, which then sees these scores.
CREATE OR REPLACE FUNCTION sync_scores_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_hidden text[] := ARRAY(SELECT r.run_id FROM public.score_runs r
                             WHERE r.state <> 'complete' AND r.run_id IN (SELECT n.run_id FROM new_scores n) FOR SHARE OF r);
BEGIN
    PERFORM public.refresh_trial_current_scores(
        ARRAY(SELECT DISTINCT trial_id FROM new_scores WHERE run_id <> ALL (v_hidden) ORDER BY trial_id)::integer[]);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION sync_scores_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM public.score_runs r WHERE r.state <> 'complete'
        AND r.run_id IN (SELECT run_id FROM old_scores UNION SELECT run_id FROM new_scores) FOR SHARE OF r;
    PERFORM public.refresh_trial_current_scores(
        ARRAY(SELECT trial_id FROM old_scores UNION SELECT trial_id FROM new_scores ORDER BY 1)::integer[]);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION sync_scores_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE public.trial_current_scores SET score_id = NULL, run_id = NULL, scored_at = NULL, p_fail = NULL, previous_run_id = NULL,
               previous_p_fail = NULL
        WHERE score_id IS NOT NULL;
    ELSE
        PERFORM FROM public.score_runs r WHERE r.state <> 'complete' AND r.run_id IN (SELECT run_id FROM old_scores) FOR SHARE OF r;
        PERFORM public.refresh_trial_current_scores(ARRAY(SELECT DISTINCT trial_id FROM old_scores ORDER BY trial_id)::integer[]);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION sync_score_runs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- A run without a row is complete.
    v_was_complete boolean := coalesce(OLD.state, 'complete') = 'complete';
    v_is_complete boolean := coalesce(NEW.state, 'complete') = 'complete';
    v_trials integer[];
BEGIN
    IF v_was_complete = v_is_complete AND coalesce(OLD.run_id, NEW.run_id) = coalesce(NEW.run_id, OLD.run_id) THEN
        RETURN NULL;
    END IF;
    v_trials := ARRAY(SELECT trial_id FROM public.scores WHERE run_id IN (OLD.run_id, NEW.run_id) ORDER BY trial_id);
    IF v_is_complete THEN
        PERFORM FROM public.trial_current_scores s WHERE s.trial_id = ANY (v_trials) ORDER BY s.trial_id FOR NO KEY UPDATE;
        -- The usual case, without reading other scores: the score is the latest, and what was current is the previous one.
        UPDATE public.trial_current_scores s
        SET score_id = n.score_id, run_id = n.run_id, scored_at = n.scored_at, p_fail = n.p_fail,
            previous_run_id = s.run_id, previous_p_fail = s.p_fail
        FROM public.scores n
        WHERE n.run_id = NEW.run_id AND n.trial_id = s.trial_id
          AND (s.score_id IS NULL OR (n.scored_at, n.score_id) > (s.scored_at, s.score_id));
        v_trials := ARRAY(SELECT n.trial_id FROM public.scores n LEFT JOIN public.trial_current_scores s ON s.score_id = n.score_id AND s.trial_id = n.trial_id
                          WHERE n.run_id IN (OLD.run_id, NEW.run_id) AND s.trial_id IS NULL ORDER BY n.trial_id);
        -- A run defers the entries of its rows to a list that every search reads (gin_pending_list_limit).
        PERFORM gin_clean_pending_list(c.oid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid IN ('public.scores'::regclass, 'public.gates'::regclass) AND a.amname = 'gin' AND i.indisready
          AND pg_has_role(c.relowner, 'USAGE');
    END IF;
    PERFORM public.refresh_trial_current_scores(v_trials);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER trg_score_runs_changed AFTER INSERT OR UPDATE OR DELETE ON score_runs
    FOR EACH ROW EXECUTE FUNCTION sync_score_runs();

-- Commits after each run; runs with a row are skipped.
CREATE OR REPLACE PROCEDURE record_score_runs() LANGUAGE plpgsql AS $$
DECLARE
    v_run text := '';
BEGIN
    LOOP
        v_run := (SELECT run_id FROM scores WHERE run_id > v_run ORDER BY run_id LIMIT 1);
        EXIT WHEN v_run IS NULL;
        CONTINUE WHEN EXISTS (SELECT FROM score_runs WHERE run_id = v_run);
        INSERT INTO score_runs (run_id, state, moment, table_version, has_gates, trial_count, started_at)
        SELECT v_run, 'complete', max(scored_at), max(metadata ->> 'table_version'),
               EXISTS (SELECT FROM gates WHERE metadata @> jsonb_build_object('run_id', v_run) AND metadata ? 'table_version'),
               count(*), NULL
        FROM scores WHERE run_id = v_run
        ON CONFLICT DO NOTHING;
        COMMIT;
    END LOOP;
END $$;

SELECT pg_temp.restrict_execution('sync_scores_inserted()', 'sync_scores_updated()', 'sync_scores_deleted()', 'sync_score_runs()');

COMMENT ON FUNCTION sync_score_runs() IS
    'Trigger on score_runs: when a run becomes complete, or no longer is, refreshes the current scores of its trials.';
COMMENT ON PROCEDURE record_score_runs() IS
    'Records runs without a row as complete. Commits after each run: CALL it outside of a transaction.';
