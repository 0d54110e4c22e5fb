-- Before staging_errors exists: stores the study, and lists missing fields of its card in a warning.
CREATE OR REPLACE FUNCTION enforce_pivotal_study_card() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_card jsonb := NEW.extracted_jsonb;
    v_missing text[] := '{}';
    v_message text;
BEGIN
    IF v_card IS NULL OR NOT EXISTS (SELECT FROM trials WHERE trial_id = NEW.trial_id AND is_pivotal) THEN
        RETURN NULL;
    END IF;

    -- Required fields of a pivotal trial's card. No value is cast, so that "<0.001" or a huge sample size can be stored.
    IF jsonb_typeof(v_card -> 'primary_endpoints') IS DISTINCT FROM 'array'
       OR v_card -> 'primary_endpoints' = '[]' THEN
        v_missing := v_missing || 'primary_endpoints'::text;
    END IF;
    IF coalesce(jsonb_typeof(v_card #> '{sample_size,total_n}'), '') NOT IN ('number', 'string')
       OR v_card #>> '{sample_size,total_n}' !~ '[0-9]' THEN
        v_missing := v_missing || 'sample_size.total_n'::text;
    END IF;
    IF coalesce(v_card #>> '{populations,analysis_primary_on}', '') !~ '\S' THEN
        v_missing := v_missing || 'populations.analysis_primary_on'::text;
    END IF;
    IF NOT EXISTS (
        SELECT FROM jsonb_array_elements(
            CASE jsonb_typeof(v_card #> '{results,primary}') WHEN 'array' THEN v_card #> '{results,primary}' ELSE '[]' END
        ) AS item
        WHERE item #>> '{effect_size,value}' ~ '\S' OR item ->> 'p_value' ~ '\S'
    ) THEN
        v_missing := v_missing || 'results.primary.(effect_size.value OR p_value)'::text;
    END IF;

    IF v_missing <> '{}' THEN
        v_message := 'PivotalStudyMissingFields: ' || array_to_string(v_missing, ', ');
        RAISE WARNING '%', v_message;
    END IF;
    RETURN NULL;
END $$;

-- AFTER, so that later versions can refer to the study.
CREATE OR REPLACE TRIGGER trg_enforce_pivotal_study_card
    AFTER INSERT OR UPDATE OF extracted_jsonb ON studies
    FOR EACH ROW EXECUTE FUNCTION enforce_pivotal_study_card();
