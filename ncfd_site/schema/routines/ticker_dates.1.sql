-- The date ranges of one ticker never overlap: with btree_gist, or in the same words without an extension.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint
               WHERE conrelid = to_regclass('securities') AND conname = 'ex_no_overlap_ticker') THEN
        RETURN;
    END IF;
    IF pg_temp.ensure_extension('btree_gist') THEN
        BEGIN
            ALTER TABLE securities ADD CONSTRAINT ex_no_overlap_ticker
                EXCLUDE USING gist (ticker_norm WITH =, effective_range WITH &&);
            RETURN;
        EXCEPTION WHEN undefined_object OR insufficient_privilege THEN
            NULL; -- The extension is installed where this role cannot use it.
        END;
    END IF;
    -- A text range with one ticker overlaps only an equal range.
    IF to_regtype('ticker_range') IS NULL THEN
        CREATE TYPE ticker_range AS RANGE (subtype = text, collation = "C");
    END IF;
    ALTER TABLE securities ADD CONSTRAINT ex_no_overlap_ticker
        EXCLUDE USING gist (ticker_range(ticker_norm, ticker_norm, '[]') WITH &&, effective_range WITH &&);
END $$;
