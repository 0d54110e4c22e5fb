-- Only text that is wholly a number is a p-value: "<0.05" is not 0.05. The bounds prevent errors of the cast, so that a
-- p-value never rejects a card.
DO $$
DECLARE
    v_wanted text;
    v_found text;
BEGIN
    -- Let the server write the expression in its own spelling, for comparison.
    CREATE TEMPORARY TABLE p_value_pattern (extracted_jsonb jsonb, p_value numeric GENERATED ALWAYS AS (
        CASE jsonb_typeof(extracted_jsonb -> 'results' -> 'primary' -> 0 -> 'p_value')
            WHEN 'number' THEN CASE
                -- Longer values do not fit into the index.
                WHEN length(extracted_jsonb -> 'results' -> 'primary' -> 0 ->> 'p_value') <= 1000
                THEN (extracted_jsonb -> 'results' -> 'primary' -> 0 ->> 'p_value')::numeric
            END
            WHEN 'string' THEN CASE
                WHEN extracted_jsonb -> 'results' -> 'primary' -> 0 ->> 'p_value'
                     ~ '^[+-]?([0-9]{1,200}([.][0-9]{0,200})?|[.][0-9]{1,200})([eE][+-]?[0-9]{1,3})?$'
                THEN (extracted_jsonb -> 'results' -> 'primary' -> 0 ->> 'p_value')::numeric
            END
        END
    ) STORED) ON COMMIT DROP;
    SELECT pg_get_expr(adbin, adrelid) INTO v_wanted FROM pg_attrdef WHERE adrelid = to_regclass('pg_temp.p_value_pattern');
    SELECT pg_get_expr(d.adbin, d.adrelid) INTO v_found
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = to_regclass('studies') AND a.attname = 'p_value';
    DROP TABLE p_value_pattern;
    -- A generated column cannot be altered. Its values come from the card, so replacing it loses nothing.
    IF v_found IS DISTINCT FROM v_wanted THEN
        ALTER TABLE studies DROP COLUMN IF EXISTS p_value;
        EXECUTE format('ALTER TABLE studies ADD COLUMN p_value numeric GENERATED ALWAYS AS (%s) STORED', v_wanted);
    END IF;
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_studies_p_value ON studies (p_value) WHERE p_value IS NOT NULL;
