-- Tables of the content store: created if missing, adapted if they were created outside of Alembic.
DO $$
BEGIN
    IF to_regclass('storage_objects') IS NULL THEN
        CREATE TABLE storage_objects (
            object_id bigserial,
            sha256 varchar(64) NOT NULL,
            storage_uri text NOT NULL,
            backend_type varchar(20) NOT NULL,
            tier text NOT NULL,
            size_bytes bigint NOT NULL DEFAULT 0,
            refcount integer NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            last_accessed timestamptz NOT NULL DEFAULT now(),
            metadata jsonb,
            CONSTRAINT storage_objects_pkey PRIMARY KEY (object_id),
            CONSTRAINT uq_storage_objects_sha256_backend UNIQUE (sha256, backend_type),
            CONSTRAINT ck_storage_objects_tier CHECK (tier IN ('local', 's3'))
        );
        PERFORM pg_temp.mark_created('TABLE', 'storage_objects');
    END IF;
    PERFORM pg_temp.ensure_constraint('storage_objects', 'u', '{sha256,backend_type}',
        'uq_storage_objects_sha256_backend', 'UNIQUE (sha256, backend_type)');
    PERFORM pg_temp.ensure_constraint('storage_objects', 'c', '{tier}',
        'ck_storage_objects_tier', 'CHECK (tier IN (''local'', ''s3'')) NOT VALID');
END $$;

DO $$
DECLARE
    v_key text;
BEGIN
    IF to_regclass('storage_references') IS NULL THEN
        CREATE TABLE storage_references (
            reference_id bigserial,
            object_id bigint NOT NULL,
            reference_type varchar(50) NOT NULL,
            referenced_id bigint NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT storage_references_pkey PRIMARY KEY (reference_id),
            CONSTRAINT uq_storage_references_unique UNIQUE (object_id, reference_type, referenced_id),
            CONSTRAINT storage_references_object_id_fkey
                FOREIGN KEY (object_id) REFERENCES storage_objects(object_id) ON DELETE CASCADE
        );
        PERFORM pg_temp.mark_created('TABLE', 'storage_references');
    ELSIF pg_temp.lacks_column('storage_references', 'referenced_id') THEN
        -- A table created outside of Alembic: reference_id is the referrer, and the primary key has another name.
        SELECT a.attname INTO STRICT v_key
        FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = to_regclass('storage_references') AND i.indisprimary;
        ALTER TABLE storage_references RENAME COLUMN reference_id TO referenced_id;
        EXECUTE format('ALTER TABLE storage_references RENAME COLUMN %I TO reference_id', v_key);
    END IF;
    PERFORM pg_temp.rename_sequence('storage_references', 'reference_id');
    PERFORM pg_temp.ensure_constraint('storage_references', 'p', '{reference_id}',
        'storage_references_pkey', 'PRIMARY KEY (reference_id)');
    PERFORM pg_temp.ensure_constraint('storage_references', 'u', '{object_id,reference_type,referenced_id}',
        'uq_storage_references_unique', 'UNIQUE (object_id, reference_type, referenced_id)');
    PERFORM pg_temp.ensure_constraint('storage_references', 'f', '{object_id}',
        'storage_references_object_id_fkey',
        'FOREIGN KEY (object_id) REFERENCES storage_objects(object_id) ON DELETE CASCADE NOT VALID');
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_objects_sha256 ON storage_objects (sha256);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_objects_backend_type ON storage_objects (backend_type);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_objects_tier ON storage_objects (tier);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_objects_refcount ON storage_objects (refcount);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_objects_last_accessed ON storage_objects (last_accessed);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_objects_created_at ON storage_objects (created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_references_object_id ON storage_references (object_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_storage_references_reference ON storage_references (reference_type, referenced_id);

ALTER TABLE storage_objects VALIDATE CONSTRAINT ck_storage_objects_tier;
ALTER TABLE storage_references VALIDATE CONSTRAINT storage_references_object_id_fkey;
