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
    IF v_found IS NOT DISTINCT FROM v_wanted THEN
        RETURN;
    END IF;
    IF NOT pg_temp.lacks_column('studies', 'p_value') THEN
        PERFORM pg_temp.remember(to_regclass('studies'), 'p_value');
    END IF;
    IF current_setting('server_version_num')::integer >= 170000
       AND EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass('studies') AND attname = 'p_value' AND attgenerated = 's') THEN
        BEGIN
            EXECUTE format('ALTER TABLE studies ALTER COLUMN p_value SET EXPRESSION AS (%s)', v_wanted);
            RETURN;
        EXCEPTION WHEN integrity_constraint_violation OR check_violation OR unique_violation THEN
            -- put_back() names the constraint or index.
        END;
    END IF;
    -- Earlier servers cannot change the expression. The values come from the card, so replacing the column loses none.
    ALTER TABLE studies DROP COLUMN IF EXISTS p_value;
    EXECUTE format('ALTER TABLE studies ADD COLUMN p_value numeric GENERATED ALWAYS AS (%s) STORED', v_wanted);
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_studies_p_value ON studies (p_value) WHERE p_value IS NOT NULL;
