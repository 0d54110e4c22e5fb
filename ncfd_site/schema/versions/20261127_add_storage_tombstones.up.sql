\ir ../routines/storage_uris.1.sql

CREATE TABLE IF NOT EXISTS storage_tombstones (
    storage_uri text NOT NULL,
    reason text NOT NULL,
    size_bytes bigint NOT NULL DEFAULT 0,
    actor text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT now(),
    delete_after timestamptz NOT NULL,
    CONSTRAINT storage_tombstones_pkey PRIMARY KEY (storage_uri),
    CONSTRAINT ck_storage_tombstones_uri CHECK (get_storage_uri_hash(storage_uri) IS NOT NULL),
    CONSTRAINT ck_storage_tombstones_reason CHECK (reason IN ('deleted', 'moved', 'expected', 'orphaned'))
);
CREATE INDEX IF NOT EXISTS ix_storage_tombstones_delete_after ON storage_tombstones (delete_after);
CREATE INDEX IF NOT EXISTS ix_storage_tombstones_hash ON storage_tombstones (get_storage_uri_hash(storage_uri));

\ir ../routines/storage_garbage_collection.1.sql

-- For find_deletion_blocker: whether a document or study points to an object.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_documents_object_id ON documents (object_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_studies_object_id ON studies (object_id);
