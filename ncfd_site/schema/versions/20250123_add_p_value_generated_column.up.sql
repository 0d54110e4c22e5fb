\ir ../bodies/p_value_column.1.sql

-- The key of staging_errors is called id from here on; its rows stay.
DO $$
BEGIN
    IF pg_temp.lacks('staging_errors', 'id') THEN
        ALTER TABLE staging_errors RENAME COLUMN error_id TO id;
    END IF;
    PERFORM pg_temp.name_sequence('staging_errors', 'id');
END $$;
