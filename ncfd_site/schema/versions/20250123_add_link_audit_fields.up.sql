DO $$
BEGIN
    IF pg_temp.lacks_column('link_audit', 'label') THEN
        ALTER TABLE link_audit ADD COLUMN label boolean;
        PERFORM pg_temp.mark_created('COLUMN', 'link_audit.label');
    END IF;
    IF pg_temp.lacks_column('link_audit', 'label_source') THEN
        ALTER TABLE link_audit ADD COLUMN label_source text;
        PERFORM pg_temp.mark_created('COLUMN', 'link_audit.label_source');
    END IF;
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_link_audit_label ON link_audit (label);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_link_audit_reviewed_at ON link_audit (reviewed_at);

\ir ../routines/precision_summary.1.sql
\ir ../routines/precision_routines.1.sql
