DO $$
DECLARE
    v_key text;
BEGIN
    IF to_regclass('company_securities') IS NULL THEN
        CREATE TABLE company_securities (
            company_id bigint NOT NULL,
            security_id text NOT NULL,
            linked_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT company_securities_pkey PRIMARY KEY (company_id, security_id),
            CONSTRAINT company_securities_company_id_fkey
                FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE
        );
    END IF;
    ALTER TABLE company_securities ADD COLUMN IF NOT EXISTS linked_at timestamptz NOT NULL DEFAULT now();
    -- An integer in some live databases: converted to text, rows kept.
    IF (SELECT atttypid <> 'text'::regtype FROM pg_attribute
        WHERE attrelid = to_regclass('company_securities') AND attname = 'security_id') THEN
        -- The view reads the column. A placeholder keeps its owner and grants.
        IF to_regclass('v_company_tickers') IS NOT NULL THEN
            PERFORM pg_temp.replace_view('v_company_tickers', 'SELECT NULL::text AS security_id WHERE false');
        END IF;
        -- A text column cannot reference an integer key.
        FOR v_key IN
            SELECT conname FROM pg_constraint
            WHERE conrelid = to_regclass('company_securities') AND contype = 'f'
              AND confrelid = to_regclass('securities')
        LOOP
            EXECUTE format('ALTER TABLE company_securities DROP CONSTRAINT %I', v_key);
        END LOOP;
        ALTER TABLE company_securities ALTER COLUMN security_id DROP DEFAULT;
        ALTER TABLE company_securities ALTER COLUMN security_id TYPE text USING security_id::text;
    END IF;
    PERFORM pg_temp.ensure_constraint('company_securities', 'p', '{company_id,security_id}',
        'company_securities_pkey', 'PRIMARY KEY (company_id, security_id)');
    PERFORM pg_temp.ensure_constraint('company_securities', 'f', '{company_id}', 'company_securities_company_id_fkey',
        'FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE NOT VALID');
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS company_securities_security_id_idx ON company_securities (security_id);

\ir ../routines/company_tickers.1.sql

ALTER TABLE company_securities VALIDATE CONSTRAINT company_securities_company_id_fkey;
