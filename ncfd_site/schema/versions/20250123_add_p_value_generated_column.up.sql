-- Renames the key of staging_errors to id. Comes before the column, which rewrites a table: a statement that may time out on
-- a lock comes first, so that no long statement is repeated.
DO $$
BEGIN
    IF pg_temp.lacks_column('staging_errors', 'id') THEN
        ALTER TABLE staging_errors RENAME COLUMN error_id TO id;
    END IF;
    PERFORM pg_temp.rename_sequence('staging_errors', 'id');
END $$;

\ir ../routines/p_value_column.1.sql
