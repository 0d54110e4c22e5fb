-- A promotion needs sample evidence, or a recorded override. A skip can be undone, and a decision corrected.
ALTER TABLE link_promotions ADD COLUMN IF NOT EXISTS has_sample_evidence boolean;
ALTER TABLE link_promotions ADD COLUMN IF NOT EXISTS override_reason text;
ALTER TABLE review_skips ADD COLUMN IF NOT EXISTS undone_at timestamptz;

DO $$
BEGIN
    -- NULL: promoted before this was recorded.
    PERFORM pg_temp.ensure_constraint('link_promotions', 'c', '{has_sample_evidence,override_reason}',
        'ck_link_promotions_evidence',
        'CHECK (has_sample_evidence IS NOT FALSE OR coalesce(btrim(override_reason), '''') <> '''') NOT VALID');
END $$;

\ir ../routines/promotion_evidence.1.sql
\ir ../routines/review_corrections.1.sql

ALTER TABLE link_promotions VALIDATE CONSTRAINT ck_link_promotions_evidence;
