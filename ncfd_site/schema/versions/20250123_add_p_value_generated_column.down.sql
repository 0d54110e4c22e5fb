-- The p-value comes from the card: dropping its column loses nothing.
ALTER TABLE studies DROP COLUMN IF EXISTS p_value;

DO $$
BEGIN
    IF pg_temp.lacks('staging_errors', 'error_id') THEN
        ALTER TABLE staging_errors RENAME COLUMN id TO error_id;
    END IF;
    PERFORM pg_temp.name_sequence('staging_errors', 'error_id');
END $$;
