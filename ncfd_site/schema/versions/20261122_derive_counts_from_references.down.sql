SELECT pg_temp.refuse_loss('{"storage_events": "true"}');

DROP TRIGGER IF EXISTS trg_storage_references_lock ON storage_references;
DROP TRIGGER IF EXISTS trg_storage_references_count ON storage_references;
DROP TRIGGER IF EXISTS trg_storage_references_immutable ON storage_references;
DROP TRIGGER IF EXISTS trg_storage_references_truncate ON storage_references;
DROP TRIGGER IF EXISTS trg_storage_objects_refcount_new ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_refcount ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_delete ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_truncate ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_events_immutable ON storage_events;
DROP TRIGGER IF EXISTS trg_storage_events_truncate ON storage_events;
DROP TRIGGER IF EXISTS trg_documents_release ON documents;
DROP TRIGGER IF EXISTS trg_documents_release_truncated ON documents;
DROP TRIGGER IF EXISTS trg_studies_release ON studies;
DROP TRIGGER IF EXISTS trg_studies_release_truncated ON studies;
DROP PROCEDURE IF EXISTS recount_storage_objects();
DROP FUNCTION IF EXISTS increment_storage_refcounts(text[], text[], text[], bigint[]);
DROP FUNCTION IF EXISTS decrement_storage_refcounts(text[], text[], text[], bigint[]);

\ir ../routines/storage_routines.1.sql

DROP FUNCTION IF EXISTS validate_storage_reference(text, text, text, bigint);
DROP FUNCTION IF EXISTS validate_storage_references(text[], text[], text[], bigint[]);
DROP FUNCTION IF EXISTS lock_referenced_object();
DROP FUNCTION IF EXISTS update_refcount();
DROP FUNCTION IF EXISTS forbid_reference_update();
DROP FUNCTION IF EXISTS forbid_refcount_write();
DROP FUNCTION IF EXISTS forbid_referenced_deletion();
DROP FUNCTION IF EXISTS forbid_truncate();
DROP FUNCTION IF EXISTS forbid_record_change();
DROP FUNCTION IF EXISTS release_references();
ALTER TABLE storage_objects DROP CONSTRAINT IF EXISTS ck_storage_objects_refcount;
DROP TABLE IF EXISTS storage_events;
