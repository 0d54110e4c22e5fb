SELECT pg_temp.refuse_loss('{"link_reviews": "mode <> ''existing''", "review_samples": "true"}');

DROP TRIGGER IF EXISTS trg_link_audit_inserted ON link_audit;
DROP TRIGGER IF EXISTS trg_link_audit_label_updated ON link_audit;
DROP TRIGGER IF EXISTS trg_link_audit_deleted ON link_audit;
DROP PROCEDURE IF EXISTS backfill_link_reviews();
DROP FUNCTION IF EXISTS undo_review(bigint, text, interval, interval);
DROP FUNCTION IF EXISTS skip_review(uuid, text, text);
DROP FUNCTION IF EXISTS submit_review(uuid, text, text, text, numeric);
DROP FUNCTION IF EXISTS claim_review_slot(text, bigint, interval);
DROP FUNCTION IF EXISTS draw_review_sample(text, integer, numeric, text, bigint, text);
DROP FUNCTION IF EXISTS close_deleted_link_slots();
DROP FUNCTION IF EXISTS record_link_review(bigint, text, text, text, text, numeric, bigint, bigint);
DROP FUNCTION IF EXISTS record_changed_link_label();
DROP FUNCTION IF EXISTS record_new_link_labels();
DROP FUNCTION IF EXISTS review_mode();
DROP FUNCTION IF EXISTS update_link_label(bigint);
DROP FUNCTION IF EXISTS apply_link_reviews(bigint, link_reviews[], boolean);
DROP FUNCTION IF EXISTS effective_link_reviews(bigint);
DROP TABLE IF EXISTS interim_analyses;
DROP TABLE IF EXISTS review_skips;
DROP TABLE IF EXISTS review_slots;
DROP TABLE IF EXISTS review_samples;
DROP TABLE IF EXISTS link_disagreements;
DROP TABLE IF EXISTS link_reviews;
DROP FUNCTION IF EXISTS apply_link_review();
DROP FUNCTION IF EXISTS set_link_review_columns();
DROP FUNCTION IF EXISTS heuristic_lock_key(text);
DROP INDEX IF EXISTS ix_link_audit_precision;
DO $$ DECLARE v_option text; BEGIN
    FOREACH v_option IN ARRAY ARRAY['autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_insert_scale_factor'] LOOP
        IF EXISTS (SELECT FROM pg_class c, pg_options_to_table(c.reloptions) o
                   WHERE c.oid = 'public.link_audit'::regclass AND o.option_name = v_option AND o.option_value = '0.01') THEN
            EXECUTE format('ALTER TABLE public.link_audit RESET (%I)', v_option);
        END IF;
    END LOOP;
END $$;

\ir ../routines/precision_routines.1.sql
