SELECT pg_temp.refuse_loss('{"link_reviews": "mode <> ''existing''", "review_samples": "true"}');

DROP TRIGGER IF EXISTS trg_link_audit_labelled ON link_audit;
DROP TRIGGER IF EXISTS trg_link_audit_relabelled ON link_audit;
DROP TRIGGER IF EXISTS trg_link_audit_gone ON link_audit;
DROP PROCEDURE IF EXISTS record_existing_labels();
DROP FUNCTION IF EXISTS undo_review(bigint, text, interval, interval);
DROP FUNCTION IF EXISTS skip_review(uuid, text, text);
DROP FUNCTION IF EXISTS submit_review(uuid, text, text, text, numeric);
DROP FUNCTION IF EXISTS claim_review_slot(text, bigint, interval);
DROP FUNCTION IF EXISTS draw_review_sample(text, integer, numeric, text, bigint, text);
DROP FUNCTION IF EXISTS close_slots_of_gone_links();
DROP FUNCTION IF EXISTS record_link_review(bigint, text, text, text, text, numeric, bigint, bigint);
DROP FUNCTION IF EXISTS record_changed_link_label();
DROP FUNCTION IF EXISTS record_new_link_labels();
DROP FUNCTION IF EXISTS project_link_label(bigint);
DROP FUNCTION IF EXISTS project_link_reviews(bigint, link_reviews[], boolean);
DROP FUNCTION IF EXISTS counting_link_reviews(bigint);
DROP TABLE IF EXISTS interim_analyses;
DROP TABLE IF EXISTS review_skips;
DROP TABLE IF EXISTS review_slots;
DROP TABLE IF EXISTS review_samples;
DROP TABLE IF EXISTS link_disputes;
DROP TABLE IF EXISTS link_reviews;
DROP FUNCTION IF EXISTS project_link_review();
DROP FUNCTION IF EXISTS describe_link_review();
DROP FUNCTION IF EXISTS refuse_changed_review();
DROP FUNCTION IF EXISTS heuristic_lock_key(text);
DROP INDEX IF EXISTS ix_link_audit_precision;
ALTER TABLE link_audit RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor);

\ir ../routines/precision_routines.1.sql
