SELECT pg_temp.refuse_loss('{"storage_tombstones": "true"}');

DROP TRIGGER IF EXISTS trg_storage_objects_left ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_moved_away ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_moved ON storage_objects;
DROP TRIGGER IF EXISTS trg_storage_objects_named ON storage_objects;
DROP FUNCTION IF EXISTS leave_storage_tombstone();
DROP FUNCTION IF EXISTS lift_storage_tombstone();
DROP FUNCTION IF EXISTS follow_moved_content();
DROP FUNCTION IF EXISTS clean_storage_objects(bigint[], interval, interval, text);
DROP FUNCTION IF EXISTS move_storage_object(bigint, text, text, interval, text);
DROP FUNCTION IF EXISTS expect_storage_content(text[], interval, text, text);
DROP FUNCTION IF EXISTS take_storage_tombstones(text, integer);
DROP FUNCTION IF EXISTS storage_content_is_named(text);
DROP FUNCTION IF EXISTS why_content_stays(bigint, text, text);
DROP INDEX IF EXISTS ix_documents_object_id;
DROP INDEX IF EXISTS ix_studies_object_id;
DROP TABLE IF EXISTS storage_tombstones;

\ir ../routines/storage_routines.2.sql
