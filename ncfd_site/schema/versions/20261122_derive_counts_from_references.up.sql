-- The audit log of objects: append-only, and without foreign keys, so that rows outlive the objects.
CREATE TABLE IF NOT EXISTS storage_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL DEFAULT session_user,
    action text NOT NULL,
    object_id bigint,
    sha256 text,
    backend_type text,
    detail jsonb NOT NULL DEFAULT '{}',
    reason text,
    CONSTRAINT storage_events_pkey PRIMARY KEY (event_id)
);
CREATE INDEX IF NOT EXISTS ix_storage_events_object ON storage_events (sha256, backend_type, event_id);
CREATE INDEX IF NOT EXISTS ix_storage_events_action ON storage_events (action, event_id);

DO $$
BEGIN
    PERFORM pg_temp.ensure_constraint('storage_objects', 'c', '{refcount}',
        'ck_storage_objects_refcount', 'CHECK (refcount >= 0) NOT VALID');
END $$;

\ir ../routines/storage_routines.2.sql
\ir ../routines/storage_triggers.1.sql

-- Correct counts that drifted before the triggers existed.
CALL recount_storage_objects();
ALTER TABLE storage_objects VALIDATE CONSTRAINT ck_storage_objects_refcount;
