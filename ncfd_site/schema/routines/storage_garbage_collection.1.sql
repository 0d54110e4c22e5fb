-- How content leaves: first its row, which leaves a tombstone, and later its bytes. Whoever is stopped in between leaves bytes
-- too many and never too few.
--
-- Who brings content names it first (inserts its row, in the transaction that will also refer to it) and writes its bytes
-- then: naming it lifts the tombstone, and waits for whoever is deleting those bytes.

-- Whether a row names these bytes. Rows may have their hash in capital letters; addresses of content have none.
CREATE OR REPLACE FUNCTION is_storage_uri_in_use(p_uri text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM storage_objects o
                   WHERE o.sha256 IN (right(p_uri, 64), upper(right(p_uri, 64))) AND o.storage_uri = p_uri)
        OR EXISTS (SELECT FROM documents d
                   WHERE d.sha256 IN (right(p_uri, 64), upper(right(p_uri, 64))) AND d.storage_uri = p_uri)
$$;

-- Why content that looks unused is not cleaned: it is referred to after all; it lies at an address that is none of ours; a
-- document or a study points to it, though its reference was released or lost. NULL where nothing speaks against it.
CREATE OR REPLACE FUNCTION find_deletion_blocker(p_object_id bigint, p_sha256 text, p_uri text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE
        WHEN EXISTS (SELECT FROM storage_references r WHERE r.object_id = p_object_id) THEN 'referenced'
        WHEN p_uri !~ '^(local|s3)://[0-9a-f]{64}$' OR right(p_uri, 64) <> p_sha256 THEN 'foreign'
        WHEN EXISTS (SELECT FROM documents d WHERE d.object_id = p_object_id)
          OR EXISTS (SELECT FROM studies s WHERE s.object_id = p_object_id)
          OR EXISTS (SELECT FROM documents d WHERE d.sha256 = p_sha256 AND d.storage_uri = p_uri) THEN 'owned'
    END;
END $$;

-- The bytes of a row that is deleted: they stay for an hour, or for what whoever deleted it says.
CREATE OR REPLACE FUNCTION tombstone_old_uri() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storage_tombstones (storage_uri, reason, size_bytes, created_at, delete_after)
    VALUES (OLD.storage_uri, CASE TG_OP WHEN 'DELETE' THEN 'deleted' ELSE 'moved' END, OLD.size_bytes,
            clock_timestamp(), clock_timestamp() + interval '1 hour')
    ON CONFLICT (storage_uri) DO UPDATE SET delete_after = greatest(storage_tombstones.delete_after, EXCLUDED.delete_after);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION clear_storage_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM storage_tombstones WHERE storage_uri = NEW.storage_uri;
    RETURN NULL;
END $$;

-- Documents name the address of their bytes too.
CREATE OR REPLACE FUNCTION sync_document_uris() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE documents SET storage_uri = NEW.storage_uri
    WHERE sha256 = NEW.sha256 AND storage_uri = OLD.storage_uri AND (object_id = NEW.object_id OR object_id IS NULL);
    RETURN NULL;
END $$;

-- Delete those of the objects that nothing refers to, for at least p_grace_period. What somebody works on at this moment is passed
-- over. The bytes are kept for p_retention more. Returns what was deleted.
CREATE OR REPLACE FUNCTION delete_unreferenced_objects(p_objects bigint[], p_grace_period interval, p_retention interval, p_actor text)
RETURNS TABLE (object_id bigint, sha256 text, backend_type text, storage_uri text, size_bytes bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_objects bigint[];
    v_gone storage_objects[];
BEGIN
    IF p_grace_period IS NULL OR p_grace_period < interval '0' OR p_retention IS NULL OR p_retention < interval '0' OR coalesce(p_actor, '') = '' THEN
        RAISE EXCEPTION 'p_grace_period and p_retention must be intervals of at least 0, and p_actor must say who cleans'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_objects := ARRAY(
        SELECT o.object_id FROM storage_objects o
        WHERE o.object_id = ANY (p_objects) AND o.refcount = 0 AND o.last_accessed <= clock_timestamp() - p_grace_period
        ORDER BY o.object_id FOR UPDATE SKIP LOCKED
    );
    -- Looked at again, now that nobody can refer to them: this statement sees what was committed until the locks were had.
    WITH gone AS (
        DELETE FROM storage_objects o
        WHERE o.object_id = ANY (v_objects) AND o.refcount = 0
          AND find_deletion_blocker(o.object_id, o.sha256, o.storage_uri) IS NULL
        RETURNING o
    )
    SELECT array_agg(gone.o ORDER BY (gone.o).object_id) INTO v_gone FROM gone;
    UPDATE storage_tombstones t SET delete_after = clock_timestamp() + p_retention, actor = p_actor
    FROM unnest(v_gone) AS g WHERE t.storage_uri = g.storage_uri AND t.reason = 'deleted';
    INSERT INTO storage_events (actor, action, object_id, sha256, backend_type, detail, reason)
    SELECT p_actor, 'object_deleted', g.object_id, g.sha256, g.backend_type,
           jsonb_build_object('storage_uri', g.storage_uri, 'size_bytes', g.size_bytes, 'last_accessed', g.last_accessed),
           'nothing referred to it, and its time of grace was over'
    FROM unnest(v_gone) AS g ORDER BY g.object_id;
    RETURN QUERY SELECT g.object_id, g.sha256::text, g.backend_type::text, g.storage_uri, g.size_bytes
                 FROM unnest(v_gone) AS g ORDER BY g.object_id;
END $$;

-- Say that bytes lie there, or soon will, that no row names. If none does when p_retention is over, they go.
CREATE OR REPLACE FUNCTION tombstone_storage_uris(p_uris text[], p_retention interval, p_reason text, p_actor text)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO storage_tombstones (storage_uri, reason, actor, created_at, delete_after)
    SELECT uri, p_reason, p_actor, clock_timestamp(), clock_timestamp() + p_retention
    FROM (SELECT DISTINCT unnest(p_uris) AS uri) given ORDER BY uri
    ON CONFLICT (storage_uri) DO UPDATE SET delete_after = greatest(storage_tombstones.delete_after, EXCLUDED.delete_after)
$$;

-- Let an object lie at another address, where its bytes are already: whoever put them there expected them first. The old bytes
-- are kept for p_retention. Returns whether the object was still at the old address; where it was not, nothing is changed.
CREATE OR REPLACE FUNCTION move_storage_object(
    p_object_id bigint, p_from text, p_to text, p_retention interval, p_actor text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_object storage_objects;
BEGIN
    -- Owners before objects: whoever deletes a document locks that first.
    PERFORM 1 FROM documents WHERE sha256 = right(p_from, 64) AND storage_uri = p_from ORDER BY doc_id FOR NO KEY UPDATE;
    SELECT * INTO v_object FROM storage_objects WHERE object_id = p_object_id AND storage_uri = p_from FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    ELSIF p_to !~ '^(local|s3)://[0-9a-f]{64}$' OR right(p_to, 64) <> v_object.sha256 THEN
        RAISE EXCEPTION 'storage object % has the hash %, and % is no address of such content', p_object_id, v_object.sha256, p_to
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM 1 FROM storage_tombstones WHERE storage_uri = p_to AND delete_after > clock_timestamp() FOR UPDATE;
    IF NOT FOUND AND NOT is_storage_uri_in_use(p_to) THEN
        RAISE EXCEPTION 'the bytes at % may be gone: nobody expects them', p_to
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call tombstone_storage_uris, put the bytes, and move then.';
    END IF;
    UPDATE storage_objects SET storage_uri = p_to, tier = split_part(p_to, ':', 1) WHERE object_id = p_object_id;
    UPDATE storage_tombstones SET delete_after = clock_timestamp() + p_retention, actor = p_actor
    WHERE storage_uri = p_from AND reason = 'moved';
    INSERT INTO storage_events (actor, action, object_id, sha256, backend_type, detail)
    VALUES (p_actor, 'moved', p_object_id, v_object.sha256, v_object.backend_type,
            jsonb_build_object('from', p_from, 'to', p_to));
    RETURN true;
END $$;

-- Take tombstones whose time is over, in the order of their addresses, from behind p_after on. Those whose bytes a row names are
-- lifted. The others stay locked until the end of the transaction: whoever took them deletes the bytes, then the tombstones.
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
    FOR EACH ROW WHEN (OLD.storage_uri ~ '^(local|s3)://[0-9a-f]{64}$') EXECUTE FUNCTION tombstone_old_uri();
CREATE OR REPLACE TRIGGER trg_storage_objects_tombstone_moved AFTER UPDATE OF storage_uri ON storage_objects
    FOR EACH ROW WHEN (OLD.storage_uri <> NEW.storage_uri AND OLD.storage_uri ~ '^(local|s3)://[0-9a-f]{64}$')
    EXECUTE FUNCTION tombstone_old_uri();
CREATE OR REPLACE TRIGGER trg_storage_objects_sync_documents AFTER UPDATE OF storage_uri ON storage_objects
    FOR EACH ROW WHEN (OLD.storage_uri <> NEW.storage_uri) EXECUTE FUNCTION sync_document_uris();
CREATE OR REPLACE TRIGGER trg_storage_objects_clear_tombstone AFTER INSERT OR UPDATE OF storage_uri ON storage_objects
    FOR EACH ROW EXECUTE FUNCTION clear_storage_tombstone();
