-- Stores the study; records missing fields of its card in staging_errors and raises a warning. Runs with the rights of its
-- owner. Triggers of others on staging_errors need public in the path, where others may create operators: all operators and
-- functions below have arguments of exactly the types that pg_catalog has, or are qualified.
CREATE OR REPLACE FUNCTION enforce_pivotal_study_card() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_card jsonb := NEW.extracted_jsonb;
    v_missing text[] := '{}';
    v_message text;
BEGIN
    IF v_card IS NULL OR NOT EXISTS (SELECT FROM public.trials WHERE trial_id = NEW.trial_id AND is_pivotal) THEN
        RETURN NULL;
    END IF;

    -- Required fields of a pivotal trial's card. No value is cast, so that "<0.001" or a huge sample size can be stored.
    IF jsonb_typeof(v_card -> 'primary_endpoints'::text) IS DISTINCT FROM 'array'
       OR v_card -> 'primary_endpoints'::text = '[]' THEN
        v_missing := pg_catalog.array_append(v_missing, 'primary_endpoints'::text);
    END IF;
    IF coalesce(jsonb_typeof(v_card #> '{sample_size,total_n}'::text[]), '') NOT IN ('number', 'string')
       OR v_card #>> '{sample_size,total_n}'::text[] !~ '[0-9]' THEN
        v_missing := pg_catalog.array_append(v_missing, 'sample_size.total_n'::text);
    END IF;
    IF coalesce(v_card #>> '{populations,analysis_primary_on}'::text[], '') !~ '\S' THEN
        v_missing := pg_catalog.array_append(v_missing, 'populations.analysis_primary_on'::text);
    END IF;
    IF NOT EXISTS (
        SELECT FROM jsonb_array_elements(
            CASE jsonb_typeof(v_card #> '{results,primary}'::text[])
                 WHEN 'array' THEN v_card #> '{results,primary}'::text[] ELSE '[]' END
        ) AS item
        WHERE item #>> '{effect_size,value}'::text[] ~ '\S' OR item ->> 'p_value'::text ~ '\S'
    ) THEN
        v_missing := pg_catalog.array_append(v_missing, 'results.primary.(effect_size.value OR p_value)'::text);
    END IF;

    IF pg_catalog.cardinality(v_missing) > 0 THEN
        v_message := 'PivotalStudyMissingFields: ' || pg_catalog.array_to_string(v_missing, ', '::text);
        INSERT INTO public.staging_errors (trial_id, study_id, error_type, error_message, extracted_jsonb)
        VALUES (NEW.trial_id, NEW.study_id, 'pivotal_validation', v_message, v_card);
        RAISE WARNING '%', v_message;
    END IF;
    RETURN NULL;
END $$;

-- A trigger needs no EXECUTE. With it, any role could attach the function to a table of its own.
REVOKE ALL ON FUNCTION enforce_pivotal_study_card() FROM PUBLIC;

-- AFTER, so that the row in staging_errors can refer to the study.
CREATE OR REPLACE TRIGGER trg_enforce_pivotal_study_card
    AFTER INSERT OR UPDATE OF extracted_jsonb ON studies
    FOR EACH ROW EXECUTE FUNCTION enforce_pivotal_study_card();
