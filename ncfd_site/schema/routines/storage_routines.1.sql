-- The count is the number of references. Both functions lock the object before its references; otherwise concurrent writers
-- of one object block each other on the foreign key's lock.

CREATE OR REPLACE FUNCTION increment_storage_refcount(
    p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_object_id bigint;
    v_refcount integer;
BEGIN
    IF p_sha256 !~ '^[0-9a-fA-F]{64}$' OR p_sha256 IS NULL THEN
        RAISE EXCEPTION 'p_sha256 must be 64 hexadecimal digits, not %', coalesce(quote_literal(left(p_sha256, 80)), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_backend_type NOT IN ('local', 's3') OR p_backend_type IS NULL THEN
        RAISE EXCEPTION 'p_backend_type must be local or s3, not %', coalesce(quote_literal(left(p_backend_type, 80)), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_reference_type IS NULL OR p_reference_type = '' OR length(p_reference_type) > 50 THEN
        RAISE EXCEPTION 'p_reference_type must be 1 to 50 characters, not %', coalesce(quote_literal(left(p_reference_type, 80)), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_reference_id IS NULL THEN
        RAISE EXCEPTION 'p_reference_id must not be NULL' USING ERRCODE = 'invalid_parameter_value';
    END IF;

    LOOP
        SELECT object_id INTO v_object_id FROM storage_objects
        WHERE sha256 = p_sha256 AND backend_type = p_backend_type FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        -- If another transaction inserts first, this inserts nothing and the next iteration finds the row.
        INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier)
        -- An address that the pipelines' parser accepts: any copy of the hash in the store. The bucket is a placeholder.
        VALUES (p_sha256,
                CASE p_backend_type WHEN 'local' THEN 'local://' ELSE 's3://bucket/docs/' END || p_sha256 || '/content',
                p_backend_type, p_backend_type)
        ON CONFLICT DO NOTHING;
    END LOOP;

    INSERT INTO storage_references (object_id, reference_type, referenced_id)
    VALUES (v_object_id, p_reference_type, p_reference_id)
    ON CONFLICT DO NOTHING;

    UPDATE storage_objects
    SET refcount = (SELECT count(*) FROM storage_references WHERE object_id = v_object_id),
        last_accessed = clock_timestamp()
    WHERE object_id = v_object_id
    RETURNING refcount INTO v_refcount;
    RETURN v_refcount;
END $$;

CREATE OR REPLACE FUNCTION decrement_storage_refcount(
    p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_object_id bigint;
    v_refcount integer;
BEGIN
    IF p_sha256 !~ '^[0-9a-fA-F]{64}$' OR p_sha256 IS NULL THEN
        RAISE EXCEPTION 'p_sha256 must be 64 hexadecimal digits, not %', coalesce(quote_literal(left(p_sha256, 80)), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_backend_type NOT IN ('local', 's3') OR p_backend_type IS NULL THEN
        RAISE EXCEPTION 'p_backend_type must be local or s3, not %', coalesce(quote_literal(left(p_backend_type, 80)), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_reference_type IS NULL OR p_reference_type = '' THEN
        RAISE EXCEPTION 'p_reference_type must be 1 to 50 characters, not %', coalesce(quote_literal(p_reference_type), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_reference_id IS NULL THEN
        RAISE EXCEPTION 'p_reference_id must not be NULL' USING ERRCODE = 'invalid_parameter_value';
    END IF;

    SELECT object_id, refcount INTO v_object_id, v_refcount FROM storage_objects
    WHERE sha256 = p_sha256 AND backend_type = p_backend_type FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    DELETE FROM storage_references
    WHERE object_id = v_object_id AND reference_type = p_reference_type AND referenced_id = p_reference_id;
    IF FOUND THEN
        -- The grace period starts at the release.
        UPDATE storage_objects
        SET refcount = (SELECT count(*) FROM storage_references WHERE object_id = v_object_id),
            last_accessed = clock_timestamp()
        WHERE object_id = v_object_id
        RETURNING refcount INTO v_refcount;
    END IF;
    RETURN v_refcount;
END $$;

-- CREATE OR REPLACE cannot change the names of arguments and result columns.
DO $$
BEGIN
    IF (SELECT (proargnames, proallargtypes::regtype[]) IS DISTINCT FROM
               ('{p_max_age_days,p_min_refcount,object_id,sha256,storage_uri,backend_type,size_bytes,refcount,created_at,last_accessed}'::text[],
                '{integer,integer,bigint,text,text,text,bigint,integer,timestamptz,timestamptz}'::regtype[])
        FROM pg_proc WHERE oid = to_regprocedure('get_cleanup_candidates(integer, integer)')) THEN
        DROP FUNCTION get_cleanup_candidates(integer, integer);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION get_cleanup_candidates(p_max_age_days integer DEFAULT 30, p_min_refcount integer DEFAULT 0)
RETURNS TABLE (
    object_id bigint, sha256 text, storage_uri text, backend_type text, size_bytes bigint, refcount integer,
    created_at timestamptz, last_accessed timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT o.object_id, o.sha256::text, o.storage_uri, o.backend_type::text, o.size_bytes, o.refcount,
           o.created_at, o.last_accessed
    FROM storage_objects o
    WHERE o.refcount <= p_min_refcount AND o.last_accessed <= statement_timestamp() - make_interval(days => p_max_age_days)
    ORDER BY o.last_accessed, o.object_id
$$;
