SELECT pg_temp.refuse_loss('{"link_promotions": "override_reason IS NOT NULL", "review_skips": "undone_at IS NOT NULL"}');

DROP TRIGGER IF EXISTS trg_link_promotions_evidence ON link_promotions;
DROP FUNCTION IF EXISTS start_link_promotion(text, text, text, text);
DROP FUNCTION IF EXISTS set_promotion_evidence();
DROP FUNCTION IF EXISTS has_sample_evidence(text);
DROP FUNCTION IF EXISTS undo_skip(bigint, text, interval, interval);
DROP FUNCTION IF EXISTS correct_review(bigint, text, text, text);
ALTER TABLE link_promotions DROP COLUMN IF EXISTS has_sample_evidence, DROP COLUMN IF EXISTS override_reason;
ALTER TABLE review_skips DROP COLUMN IF EXISTS undone_at;

\ir ../routines/link_promotions.1.sql
\ir ../routines/review_queue.1.sql
