SELECT pg_temp.refuse_loss('{"storage_tombstones": "true"}');

DROP TRIGGER IF EXISTS trg_storage_objects_tombstone_deleted ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_tombstone_moved ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_sync_documents ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_clear_tombstone ON storage_objects;
DROP FUNCTION IF EXISTS tombstone_old_uri();
DROP FUNCTION IF EXISTS clear_storage_tombstone();
DROP FUNCTION IF EXISTS sync_document_uris();
DROP FUNCTION IF EXISTS delete_unreferenced_objects(bigint[], interval, interval, text);
DROP FUNCTION IF EXISTS move_storage_object(bigint, text, text, interval, text);
DROP FUNCTION IF EXISTS tombstone_storage_uris(text[], interval, text, text);
DROP FUNCTION IF EXISTS lock_due_tombstones(text, integer);
DROP FUNCTION IF EXISTS is_storage_uri_in_use(text);
DROP FUNCTION IF EXISTS find_deletion_blocker(bigint, text, text);
DROP INDEX IF EXISTS ix_documents_object_id;
DROP INDEX IF EXISTS ix_studies_object_id;
DROP TABLE IF EXISTS storage_tombstones;
