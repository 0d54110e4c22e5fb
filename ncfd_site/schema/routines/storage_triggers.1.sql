-- SECURITY DEFINER: a writer of one table needs no rights on the tables that its triggers read or write. Where these fire triggers
-- of others, the path has public: see enforce_pivotal_study_card().

CREATE OR REPLACE FUNCTION lock_referenced_object() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM public.storage_objects WHERE object_id = NEW.object_id FOR NO KEY UPDATE;
    RETURN NEW;
END $$;

-- Sets last_accessed because the grace period starts at the last reference or release.
CREATE OR REPLACE FUNCTION update_refcount() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE public.storage_objects SET refcount = refcount + 1, last_accessed = clock_timestamp() WHERE object_id = NEW.object_id;
    ELSE
        UPDATE public.storage_objects SET refcount = refcount - 1, last_accessed = clock_timestamp() WHERE object_id = OLD.object_id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION forbid_reference_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'reference % cannot be updated', OLD.reference_id
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Release it and add a new reference.';
END $$;

CREATE OR REPLACE FUNCTION forbid_refcount_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_references bigint := (SELECT count(*) FROM public.storage_references WHERE object_id = NEW.object_id);
BEGIN
    IF NEW.refcount IS DISTINCT FROM v_references THEN
        RAISE EXCEPTION 'the refcount of storage object % must be its number of references, %, not %',
            NEW.object_id, v_references, coalesce(NEW.refcount::text, 'NULL')
            USING ERRCODE = 'integrity_constraint_violation',
                  HINT = 'Call increment_storage_refcount or decrement_storage_refcount, or write storage_references.';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION forbid_referenced_deletion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.refcount > 0 OR EXISTS (SELECT FROM public.storage_references WHERE object_id = OLD.object_id) THEN
        RAISE EXCEPTION 'storage object % cannot be deleted: it has % references', OLD.object_id, OLD.refcount
            USING ERRCODE = 'restrict_violation', HINT = 'Release its references first.';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION forbid_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot be truncated: row triggers must run', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Use DELETE.';
END $$;

CREATE OR REPLACE FUNCTION forbid_record_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: rows cannot be changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Insert a new row instead.';
END $$;

-- Trigger arguments: the reference type, and the key column of the table.
CREATE OR REPLACE FUNCTION release_references() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_deleted text := CASE TG_OP
        WHEN 'TRUNCATE' THEN pg_catalog.format('r.reference_type::text = %L'::text, TG_ARGV[0])
        ELSE pg_catalog.format('r.reference_type::text = %L AND r.referenced_id IN (SELECT %I FROM deleted_rows)'::text, TG_ARGV[0], TG_ARGV[1])
    END;
BEGIN
    EXECUTE 'SELECT FROM public.storage_objects WHERE object_id IN (SELECT r.object_id FROM public.storage_references r WHERE ' || v_deleted
            || ') ORDER BY object_id FOR NO KEY UPDATE';
    EXECUTE 'DELETE FROM public.storage_references r WHERE ' || v_deleted;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER trg_storage_references_lock BEFORE INSERT ON storage_references
    FOR EACH ROW EXECUTE FUNCTION lock_referenced_object();
CREATE OR REPLACE TRIGGER trg_storage_references_count AFTER INSERT OR DELETE ON storage_references
    FOR EACH ROW EXECUTE FUNCTION update_refcount();
CREATE OR REPLACE TRIGGER trg_storage_references_immutable BEFORE UPDATE OF object_id, reference_type, referenced_id ON storage_references
    FOR EACH ROW
    WHEN ((OLD.object_id, OLD.reference_type, OLD.referenced_id)
          IS DISTINCT FROM (NEW.object_id, NEW.reference_type, NEW.referenced_id))
    EXECUTE FUNCTION forbid_reference_update();
CREATE OR REPLACE TRIGGER trg_storage_references_truncate BEFORE TRUNCATE ON storage_references
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_truncate();

CREATE OR REPLACE TRIGGER trg_storage_objects_refcount_new BEFORE INSERT ON storage_objects
    FOR EACH ROW WHEN (NEW.refcount IS DISTINCT FROM 0) EXECUTE FUNCTION forbid_refcount_write();
-- Writes of the triggers above (depth > 0) need no check.
CREATE OR REPLACE TRIGGER trg_storage_objects_refcount BEFORE UPDATE OF refcount ON storage_objects
    FOR EACH ROW WHEN (OLD.refcount IS DISTINCT FROM NEW.refcount AND pg_trigger_depth() = 0)
    EXECUTE FUNCTION forbid_refcount_write();
CREATE OR REPLACE TRIGGER trg_storage_objects_delete BEFORE DELETE ON storage_objects
    FOR EACH ROW EXECUTE FUNCTION forbid_referenced_deletion();
CREATE OR REPLACE TRIGGER trg_storage_objects_truncate BEFORE TRUNCATE ON storage_objects
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_truncate();

CREATE OR REPLACE TRIGGER trg_storage_events_immutable BEFORE UPDATE OR DELETE ON storage_events
    FOR EACH ROW EXECUTE FUNCTION forbid_record_change();
CREATE OR REPLACE TRIGGER trg_storage_events_truncate BEFORE TRUNCATE ON storage_events
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_truncate();

CREATE OR REPLACE TRIGGER trg_documents_release AFTER DELETE ON documents REFERENCING OLD TABLE AS deleted_rows
    FOR EACH STATEMENT EXECUTE FUNCTION release_references('document', 'doc_id');
CREATE OR REPLACE TRIGGER trg_documents_release_truncated AFTER TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION release_references('document');
CREATE OR REPLACE TRIGGER trg_studies_release AFTER DELETE ON studies REFERENCING OLD TABLE AS deleted_rows
    FOR EACH STATEMENT EXECUTE FUNCTION release_references('study', 'study_id');
CREATE OR REPLACE TRIGGER trg_studies_release_truncated AFTER TRUNCATE ON studies
    FOR EACH STATEMENT EXECUTE FUNCTION release_references('study');

SELECT pg_temp.restrict_execution('lock_referenced_object()', 'update_refcount()', 'forbid_refcount_write()',
    'forbid_referenced_deletion()', 'release_references()');
