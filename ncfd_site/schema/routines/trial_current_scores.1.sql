-- Locks the rows before it reads the scores, so that of two concurrent writers the second sees the score of the first.
CREATE OR REPLACE FUNCTION refresh_trial_current_scores(p_trial_ids integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.trial_current_scores s WHERE s.trial_id = ANY (p_trial_ids) ORDER BY s.trial_id FOR NO KEY UPDATE;
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
              ORDER BY x.scored_at DESC, x.score_id DESC LIMIT 2) c
    ) n
    WHERE s.trial_id = t.trial_id
      AND (s.score_id, s.run_id, s.scored_at, s.p_fail, s.previous_run_id, s.previous_p_fail) IS DISTINCT FROM
          (n.score_ids[1], n.run_ids[1], n.scored_ats[1], n.p_fails[1], n.run_ids[2], n.p_fails[2]);
END $$;

CREATE OR REPLACE FUNCTION sync_scores_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM public.refresh_trial_current_scores(ARRAY(SELECT DISTINCT trial_id FROM new_scores ORDER BY trial_id)::integer[]);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION sync_scores_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
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
        PERFORM public.refresh_trial_current_scores(ARRAY(SELECT DISTINCT trial_id FROM old_scores ORDER BY trial_id)::integer[]);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION add_trial_current_scores() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.trial_current_scores (trial_id, sponsor_company_id) SELECT trial_id, sponsor_company_id FROM new_trials
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- Locks rows in the order of sync_scores_*. Inserts missing rows, so that it and backfill_trial_current_scores() do not miss
-- each other's changes.
CREATE OR REPLACE FUNCTION sync_sponsor_companies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.trial_current_scores AS s (trial_id, sponsor_company_id)
    SELECT n.trial_id, n.sponsor_company_id FROM new_trials n JOIN old_trials o ON o.trial_id = n.trial_id
    WHERE n.sponsor_company_id IS DISTINCT FROM o.sponsor_company_id ORDER BY n.trial_id
    ON CONFLICT (trial_id) DO UPDATE SET sponsor_company_id = EXCLUDED.sponsor_company_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE PROCEDURE backfill_trial_current_scores() LANGUAGE plpgsql AS $$
DECLARE
    v_last integer := 0;
    v_trials integer[];
BEGIN
    LOOP
        v_trials := ARRAY(SELECT trial_id FROM trials WHERE trial_id > v_last ORDER BY trial_id LIMIT 10000);
        EXIT WHEN v_trials = '{}';
        v_last := v_trials[cardinality(v_trials)];
        INSERT INTO trial_current_scores (trial_id, sponsor_company_id)
        SELECT t.trial_id, t.sponsor_company_id FROM trials t WHERE t.trial_id = ANY (v_trials) ORDER BY t.trial_id FOR KEY SHARE OF t
        ON CONFLICT DO NOTHING;
        -- Read the trials under the locks: a later change of a sponsor waits, and is applied afterwards.
        PERFORM FROM trial_current_scores s WHERE s.trial_id = ANY (v_trials) ORDER BY s.trial_id FOR NO KEY UPDATE;
        UPDATE trial_current_scores s SET sponsor_company_id = t.sponsor_company_id
        FROM trials t
        WHERE t.trial_id = s.trial_id AND s.trial_id = ANY (v_trials) AND s.sponsor_company_id IS DISTINCT FROM t.sponsor_company_id;
        PERFORM refresh_trial_current_scores(v_trials);
        COMMIT;
    END LOOP;
END $$;

CREATE OR REPLACE TRIGGER trg_trials_inserted AFTER INSERT ON trials REFERENCING NEW TABLE AS new_trials
    FOR EACH STATEMENT EXECUTE FUNCTION add_trial_current_scores();
CREATE OR REPLACE TRIGGER trg_trials_sponsors AFTER UPDATE ON trials REFERENCING OLD TABLE AS old_trials NEW TABLE AS new_trials
    FOR EACH STATEMENT EXECUTE FUNCTION sync_sponsor_companies();
CREATE OR REPLACE TRIGGER trg_scores_inserted AFTER INSERT ON scores REFERENCING NEW TABLE AS new_scores
    FOR EACH STATEMENT EXECUTE FUNCTION sync_scores_inserted();
CREATE OR REPLACE TRIGGER trg_scores_updated AFTER UPDATE ON scores REFERENCING OLD TABLE AS old_scores NEW TABLE AS new_scores
    FOR EACH STATEMENT EXECUTE FUNCTION sync_scores_updated();
CREATE OR REPLACE TRIGGER trg_scores_deleted AFTER DELETE ON scores REFERENCING OLD TABLE AS old_scores
    FOR EACH STATEMENT EXECUTE FUNCTION sync_scores_deleted();
CREATE OR REPLACE TRIGGER trg_scores_truncated AFTER TRUNCATE ON scores
    FOR EACH STATEMENT EXECUTE FUNCTION sync_scores_deleted();

SELECT pg_temp.restrict_execution('add_trial_current_scores()', 'sync_sponsor_companies()', 'sync_scores_inserted()',
    'sync_scores_updated()', 'sync_scores_deleted()');
