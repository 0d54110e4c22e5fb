-- Out-of-band storage tables: generated names of constraints, other names of the key and of referenced_id.
CREATE TABLE storage_objects (
    object_id bigserial PRIMARY KEY,
    sha256 varchar(64) NOT NULL,
    storage_uri text NOT NULL,
    backend_type varchar(20) NOT NULL,
    tier text NOT NULL CHECK (tier IN ('local', 's3')),
    size_bytes bigint NOT NULL DEFAULT 0,
    refcount integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_accessed timestamptz NOT NULL DEFAULT now(),
    metadata jsonb,
    UNIQUE (sha256, backend_type)
);
CREATE TABLE storage_references (
    ref_id bigserial PRIMARY KEY,
    object_id bigint NOT NULL REFERENCES storage_objects(object_id) ON DELETE CASCADE,
    reference_type varchar(50) NOT NULL,
    reference_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (object_id, reference_type, reference_id)
);
CREATE INDEX ix_storage_objects_sha256 ON storage_objects (sha256);
CREATE INDEX ix_storage_references_reference ON storage_references (reference_type, reference_id);
ALTER TABLE documents ADD COLUMN object_id bigint REFERENCES storage_objects(object_id);
CREATE FUNCTION get_cleanup_candidates(p_min_age_days integer DEFAULT 30, p_max_refcount integer DEFAULT 0)
RETURNS TABLE (object_id bigint, sha256 text, tier text) LANGUAGE sql AS 'SELECT object_id, sha256::text, tier FROM storage_objects';
INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier, refcount)
VALUES (repeat('a', 64), 'local://a', 'local', 'local', 1), (repeat('b', 64), 's3://b', 's3', 's3', 0);
INSERT INTO storage_references (object_id, reference_type, reference_id) VALUES (1, 'document', 77);
