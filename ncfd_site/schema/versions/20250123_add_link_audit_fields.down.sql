-- Keeps columns that were added outside of Alembic, and the functions that read them.
SELECT pg_temp.refuse_loss(CASE WHEN pg_temp.is_created_here('COLUMN', 'link_audit.label')
                                THEN '{"link_audit": "label IS NOT NULL OR label_source IS NOT NULL"}' ELSE '{}' END::jsonb);

DO $$
BEGIN
    IF pg_temp.is_created_here('COLUMN', 'link_audit.label') THEN
        DROP FUNCTION IF EXISTS can_auto_promote_heuristic(text, numeric, integer);
        DROP FUNCTION IF EXISTS get_heuristic_precision(text, timestamptz, timestamptz);
        DROP VIEW IF EXISTS heuristic_precision_summary;
        DROP INDEX IF EXISTS ix_link_audit_reviewed_at, ix_link_audit_label;
        ALTER TABLE link_audit DROP COLUMN label;
    END IF;
    IF pg_temp.is_created_here('COLUMN', 'link_audit.label_source') THEN
        ALTER TABLE link_audit DROP COLUMN label_source;
    END IF;
END $$;
