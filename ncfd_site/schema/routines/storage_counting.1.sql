-- What takes references, so that a cleaning at the same time takes nothing away from under it. These take the place of the bodies of
-- storage_routines: the batch did not notice content that went between its first look and its lock.

CREATE OR REPLACE FUNCTION require_storage_reference(
    p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint
) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_wrong text;
BEGIN
    -- Cheap first: this is asked for every reference. A pattern with {64} costs more than all the rest.
    IF length(p_sha256) = 64 AND translate(p_sha256, '0123456789abcdefABCDEF', '') = '' AND p_backend_type IN ('local', 's3')
       AND p_reference_type <> '' AND length(p_reference_type) <= 50 AND p_reference_id IS NOT NULL THEN
        RETURN;
    END IF;
    v_wrong := CASE
        WHEN p_sha256 IS NULL OR p_sha256 !~ '^[0-9a-fA-F]{64}$'
            THEN 'p_sha256 must be 64 hexadecimal digits, not ' || coalesce(quote_literal(left(p_sha256, 80)), 'NULL')
        WHEN p_backend_type IS NULL OR p_backend_type NOT IN ('local', 's3')
            THEN 'p_backend_type must be local or s3, not ' || coalesce(quote_literal(left(p_backend_type, 80)), 'NULL')
        WHEN p_reference_type IS NULL OR p_reference_type = '' OR length(p_reference_type) > 50
            THEN 'p_reference_type must be 1 to 50 characters, not ' || coalesce(quote_literal(left(p_reference_type, 80)), 'NULL')
        ELSE 'p_reference_id must not be NULL'
    END;
    RAISE EXCEPTION '%', v_wrong USING ERRCODE = 'invalid_parameter_value';
END $$;

CREATE OR REPLACE FUNCTION increment_storage_refcounts(
    p_sha256 text[], p_backend_type text[], p_reference_type text[], p_reference_id bigint[]
) RETURNS TABLE (object_id bigint, sha256 text, backend_type text, refcount integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_wanted bigint;
    v_objects bigint[];
BEGIN
    PERFORM require_storage_references(p_sha256, p_backend_type, p_reference_type, p_reference_id);
    v_wanted := (SELECT count(*) FROM (SELECT DISTINCT s, b FROM unnest(p_sha256, p_backend_type) AS given (s, b)) AS named);
    LOOP
        BEGIN
            -- Who is first with new content makes it; the same order for everybody, so that nobody waits in a ring.
            INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier)
            SELECT DISTINCT s, b || '://' || s, b, b FROM unnest(p_sha256, p_backend_type) AS given (s, b) ORDER BY b, s
            ON CONFLICT DO NOTHING;
            v_objects := ARRAY(
                SELECT o.object_id FROM storage_objects o
                WHERE (o.sha256, o.backend_type) IN (SELECT s, b FROM unnest(p_sha256, p_backend_type) AS given (s, b))
                ORDER BY o.object_id FOR NO KEY UPDATE
            );
            EXIT WHEN cardinality(v_objects) = v_wanted;
            RAISE EXCEPTION 'content was cleaned before it could be locked' USING ERRCODE = 'NC001';
        EXCEPTION
            -- What was there at the first statement was cleaned before the second one. Nothing may be locked when objects
            -- are made, or two who do so wait for each other: the locks go with this block, and it begins anew.
            WHEN SQLSTATE 'NC001' THEN NULL;
        END;
    END LOOP;
    INSERT INTO storage_references (object_id, reference_type, referenced_id)
    SELECT DISTINCT o.object_id, t, i
    FROM unnest(p_sha256, p_backend_type, p_reference_type, p_reference_id) AS given (s, b, t, i)
    JOIN storage_objects o ON o.sha256 = s AND o.backend_type = b
    ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT o.object_id, o.sha256::text, o.backend_type::text, o.refcount
                 FROM storage_objects o WHERE o.object_id = ANY (v_objects) ORDER BY o.object_id;
END $$;
