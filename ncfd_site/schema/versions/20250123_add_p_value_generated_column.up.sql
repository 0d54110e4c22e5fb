-- The key of staging_errors is called id from here on; its rows stay. Before the column, which rewrites a table: what may
-- have to wait for a lock comes first, so that no long work is done over.
DO $$
BEGIN
    IF pg_temp.lacks('staging_errors', 'id') THEN
        ALTER TABLE staging_errors RENAME COLUMN error_id TO id;
    END IF;
    PERFORM pg_temp.name_sequence('staging_errors', 'id');
END $$;

\ir ../routines/p_value_column.1.sql
