-- The p-value is generated from the card: dropping the column loses nothing.
ALTER TABLE studies DROP COLUMN IF EXISTS p_value;

DO $$
BEGIN
    IF pg_temp.lacks_column('staging_errors', 'error_id') THEN
        ALTER TABLE staging_errors RENAME COLUMN id TO error_id;
    END IF;
    PERFORM pg_temp.rename_sequence('staging_errors', 'error_id');
END $$;
