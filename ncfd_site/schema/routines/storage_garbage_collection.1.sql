-- Deleting an object's row creates a tombstone; the bytes are deleted later. An interruption can leave extra bytes, but never
-- loses any.
--
-- A writer inserts the row first, in the transaction that also adds the reference, and then writes the bytes: the insert
-- clears the tombstone, and waits for a deletion of the bytes in progress.

-- Hashes in rows may be in capital letters; those in addresses are not. Several rows may name the same bytes by different
-- addresses, so every address with the hash and store counts.
CREATE OR REPLACE FUNCTION is_storage_uri_in_use(p_uri text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_sha256 text := get_storage_uri_hash(p_uri);
BEGIN
    RETURN EXISTS (SELECT FROM storage_objects o
                   WHERE o.sha256 IN (v_sha256, upper(v_sha256)) AND is_same_content(o.storage_uri, p_uri))
        OR EXISTS (SELECT FROM documents d
                   WHERE d.sha256 IN (v_sha256, upper(v_sha256)) AND is_same_content(d.storage_uri, p_uri));
END $$;

CREATE OR REPLACE FUNCTION find_deletion_blocker(p_object_id bigint, p_sha256 text, p_uri text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE
        WHEN EXISTS (SELECT FROM storage_references r WHERE r.object_id = p_object_id) THEN 'referenced'
        WHEN get_storage_uri_hash(p_uri) IS DISTINCT FROM p_sha256 THEN 'foreign'
        WHEN EXISTS (SELECT FROM documents d WHERE d.object_id = p_object_id)
          OR EXISTS (SELECT FROM studies s WHERE s.object_id = p_object_id)
          OR EXISTS (SELECT FROM documents d WHERE d.sha256 = p_sha256 AND is_same_content(d.storage_uri, p_uri)) THEN 'owned'
    END;
END $$;

CREATE OR REPLACE FUNCTION tombstone_old_uri() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.storage_tombstones AS t (storage_uri, reason, size_bytes, created_at, delete_after)
    SELECT OLD.storage_uri, CASE TG_OP WHEN 'DELETE' THEN 'deleted' ELSE 'moved' END, OLD.size_bytes,
           clock_timestamp(), clock_timestamp() + interval '1 hour'
    WHERE public.get_storage_uri_hash(OLD.storage_uri) IS NOT NULL
    ON CONFLICT (storage_uri) DO UPDATE SET delete_after = greatest(t.delete_after, EXCLUDED.delete_after);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION clear_storage_tombstone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM public.storage_tombstones t
    WHERE public.get_storage_uri_hash(t.storage_uri) = public.get_storage_uri_hash(NEW.storage_uri)
      AND public.is_same_content(t.storage_uri, NEW.storage_uri);
    RETURN NULL;
END $$;

-- public is in the path for triggers of others on documents: see enforce_pivotal_study_card().
CREATE OR REPLACE FUNCTION sync_document_uris() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE public.documents SET storage_uri = NEW.storage_uri
    WHERE sha256::text = NEW.sha256::text AND public.is_same_content(storage_uri, OLD.storage_uri)
      AND (object_id = NEW.object_id OR object_id IS NULL);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION delete_unreferenced_objects(p_objects bigint[], p_grace_period interval, p_retention interval, p_actor text)
RETURNS TABLE (object_id bigint, sha256 text, backend_type text, storage_uri text, size_bytes bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_objects bigint[];
    v_deleted storage_objects[];
BEGIN
    IF p_grace_period IS NULL OR p_grace_period < interval '0' OR p_retention IS NULL OR p_retention < interval '0' OR coalesce(p_actor, '') = '' THEN
        RAISE EXCEPTION 'p_grace_period and p_retention must not be negative or NULL, and p_actor must not be empty'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_objects := ARRAY(
        SELECT o.object_id FROM storage_objects o
        WHERE o.object_id = ANY (p_objects) AND o.refcount = 0 AND o.last_accessed <= clock_timestamp() - p_grace_period
        ORDER BY o.object_id FOR UPDATE SKIP LOCKED
    );
    -- Check again under the locks: this statement sees everything committed before they were acquired.
    WITH deleted AS (
        DELETE FROM storage_objects o
        WHERE o.object_id = ANY (v_objects) AND o.refcount = 0
          AND find_deletion_blocker(o.object_id, o.sha256, o.storage_uri) IS NULL
        RETURNING o
    )
    SELECT array_agg(deleted.o ORDER BY (deleted.o).object_id) INTO v_deleted FROM deleted;
    UPDATE storage_tombstones t SET delete_after = clock_timestamp() + p_retention, actor = p_actor
    FROM unnest(v_deleted) AS g WHERE t.storage_uri = g.storage_uri AND t.reason = 'deleted';
    INSERT INTO storage_events (actor, action, object_id, sha256, backend_type, detail, reason)
    SELECT p_actor, 'object_deleted', g.object_id, g.sha256, g.backend_type,
           jsonb_build_object('storage_uri', g.storage_uri, 'size_bytes', g.size_bytes, 'last_accessed', g.last_accessed),
           'unreferenced, and past the grace period'
    FROM unnest(v_deleted) AS g ORDER BY g.object_id;
    RETURN QUERY SELECT g.object_id, g.sha256::text, g.backend_type::text, g.storage_uri, g.size_bytes
                 FROM unnest(v_deleted) AS g ORDER BY g.object_id;
END $$;

CREATE OR REPLACE FUNCTION tombstone_storage_uris(p_uris text[], p_retention interval, p_reason text, p_actor text)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO storage_tombstones (storage_uri, reason, actor, created_at, delete_after)
    SELECT uri, p_reason, p_actor, clock_timestamp(), clock_timestamp() + p_retention
    FROM (SELECT DISTINCT unnest(p_uris) AS uri) given ORDER BY uri
    ON CONFLICT (storage_uri) DO UPDATE SET delete_after = greatest(storage_tombstones.delete_after, EXCLUDED.delete_after)
$$;

CREATE OR REPLACE FUNCTION move_storage_object(
    p_object_id bigint, p_from text, p_to text, p_retention interval, p_actor text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_object storage_objects;
BEGIN
    -- Lock documents before objects, as a deletion of a document does.
    PERFORM 1 FROM documents WHERE sha256 = get_storage_uri_hash(p_from) AND is_same_content(storage_uri, p_from)
    ORDER BY doc_id FOR NO KEY UPDATE;
    SELECT * INTO v_object FROM storage_objects WHERE object_id = p_object_id AND storage_uri = p_from FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    ELSIF get_storage_uri_hash(p_to) IS DISTINCT FROM v_object.sha256 THEN
        RAISE EXCEPTION '% is not an address of storage object % with the hash %', p_to, p_object_id, v_object.sha256
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM 1 FROM storage_tombstones WHERE storage_uri = p_to AND delete_after > clock_timestamp() FOR UPDATE;
    IF NOT FOUND AND NOT is_storage_uri_in_use(p_to) THEN
        RAISE EXCEPTION 'the bytes at % may be deleted at any time: the address has neither a row nor an unexpired tombstone', p_to
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Call tombstone_storage_uris, copy the bytes, then move the object.';
    END IF;
    UPDATE storage_objects SET storage_uri = p_to, tier = split_part(p_to, ':', 1) WHERE object_id = p_object_id;
    UPDATE storage_tombstones SET delete_after = clock_timestamp() + p_retention, actor = p_actor
    WHERE storage_uri = p_from AND reason = 'moved';
    INSERT INTO storage_events (actor, action, object_id, sha256, backend_type, detail)
    VALUES (p_actor, 'moved', p_object_id, v_object.sha256, v_object.backend_type,
            jsonb_build_object('from', p_from, 'to', p_to));
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION lock_due_tombstones(p_after text, p_limit integer)
RETURNS TABLE (storage_uri text, reason text, size_bytes bigint, created_at timestamptz, is_in_use boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_due text[];
    v_in_use text[];
BEGIN
    v_due := ARRAY(
        SELECT t.storage_uri FROM storage_tombstones t
        WHERE t.storage_uri > p_after AND t.delete_after <= clock_timestamp()
        ORDER BY t.storage_uri LIMIT p_limit FOR UPDATE SKIP LOCKED
    );
    v_in_use := ARRAY(SELECT uri FROM unnest(v_due) AS uri WHERE is_storage_uri_in_use(uri));
    RETURN QUERY SELECT t.storage_uri, t.reason, t.size_bytes, t.created_at, t.storage_uri = ANY (v_in_use)
                 FROM storage_tombstones t WHERE t.storage_uri = ANY (v_due) ORDER BY t.storage_uri;
    DELETE FROM storage_tombstones t WHERE t.storage_uri = ANY (v_in_use);
END $$;

CREATE OR REPLACE TRIGGER trg_storage_objects_tombstone_deleted AFTER DELETE ON storage_objects
    FOR EACH ROW EXECUTE FUNCTION tombstone_old_uri();
CREATE OR REPLACE TRIGGER trg_storage_objects_tombstone_moved AFTER UPDATE OF storage_uri ON storage_objects
    FOR EACH ROW WHEN (OLD.storage_uri <> NEW.storage_uri) EXECUTE FUNCTION tombstone_old_uri();
CREATE OR REPLACE TRIGGER trg_storage_objects_sync_documents AFTER UPDATE OF storage_uri ON storage_objects
    FOR EACH ROW WHEN (OLD.storage_uri <> NEW.storage_uri) EXECUTE FUNCTION sync_document_uris();
CREATE OR REPLACE TRIGGER trg_storage_objects_clear_tombstone AFTER INSERT OR UPDATE OF storage_uri ON storage_objects
    FOR EACH ROW EXECUTE FUNCTION clear_storage_tombstone();
SELECT pg_temp.restrict_execution('tombstone_old_uri()', 'clear_storage_tombstone()', 'sync_document_uris()');
