-- Triggers maintain the count, which is the number of references. Functions lock the objects before their references, ordered
-- by ID; otherwise writers of one object block each other on the foreign key's lock, and writers of several deadlock.

CREATE OR REPLACE FUNCTION validate_storage_reference(
    p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint
) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_wrong text;
BEGIN
    -- A fast path for valid references: a regular expression with {64} costs more than the rest.
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

CREATE OR REPLACE FUNCTION increment_storage_refcount(
    p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_object_id bigint;
    v_refcount integer;
BEGIN
    PERFORM validate_storage_reference(p_sha256, p_backend_type, p_reference_type, p_reference_id);
    LOOP
        SELECT object_id, refcount INTO v_object_id, v_refcount FROM storage_objects
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
    RETURN v_refcount + CASE WHEN FOUND THEN 1 ELSE 0 END;
END $$;

CREATE OR REPLACE FUNCTION decrement_storage_refcount(
    p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_object_id bigint;
    v_refcount integer;
BEGIN
    PERFORM validate_storage_reference(p_sha256, p_backend_type, p_reference_type, p_reference_id);
    SELECT object_id, refcount INTO v_object_id, v_refcount FROM storage_objects
    WHERE sha256 = p_sha256 AND backend_type = p_backend_type FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM storage_references
    WHERE object_id = v_object_id AND reference_type = p_reference_type AND referenced_id = p_reference_id;
    RETURN v_refcount - CASE WHEN FOUND THEN 1 ELSE 0 END;
END $$;

-- Batches: each array has one element per reference.

CREATE OR REPLACE FUNCTION validate_storage_references(
    p_sha256 text[], p_backend_type text[], p_reference_type text[], p_reference_id bigint[]
) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_sha256 IS NULL OR p_backend_type IS NULL OR p_reference_type IS NULL OR p_reference_id IS NULL
       OR cardinality(p_backend_type) <> cardinality(p_sha256) OR cardinality(p_reference_type) <> cardinality(p_sha256)
       OR cardinality(p_reference_id) <> cardinality(p_sha256) THEN
        RAISE EXCEPTION 'the four arrays must have the same length and must not be NULL'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM validate_storage_reference(s, b, t, i)
    FROM unnest(p_sha256, p_backend_type, p_reference_type, p_reference_id) AS given (s, b, t, i);
END $$;

CREATE OR REPLACE FUNCTION increment_storage_refcounts(
    p_sha256 text[], p_backend_type text[], p_reference_type text[], p_reference_id bigint[]
) RETURNS TABLE (object_id bigint, sha256 text, backend_type text, refcount integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_wanted bigint;
    v_objects bigint[];
BEGIN
    PERFORM validate_storage_references(p_sha256, p_backend_type, p_reference_type, p_reference_id);
    v_wanted := (SELECT count(*) FROM (SELECT DISTINCT s, b FROM unnest(p_sha256, p_backend_type) AS given (s, b)) AS named);
    LOOP
        BEGIN
            -- All callers insert in the same order, so that they do not deadlock.
            INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier)
            SELECT DISTINCT s, b || '://' || s, b, b FROM unnest(p_sha256, p_backend_type) AS given (s, b) ORDER BY b, s
            ON CONFLICT DO NOTHING;
            v_objects := ARRAY(
                SELECT o.object_id FROM storage_objects o
                WHERE (o.sha256, o.backend_type) IN (SELECT s, b FROM unnest(p_sha256, p_backend_type) AS given (s, b))
                ORDER BY o.object_id FOR NO KEY UPDATE
            );
            EXIT WHEN cardinality(v_objects) = v_wanted;
            RAISE EXCEPTION 'an object was deleted before it could be locked' USING ERRCODE = 'NC001';
        EXCEPTION
            -- Garbage collection deleted an object between the two statements. Inserting while holding locks can deadlock,
            -- so roll this block back, which releases them, and retry.
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

CREATE OR REPLACE FUNCTION decrement_storage_refcounts(
    p_sha256 text[], p_backend_type text[], p_reference_type text[], p_reference_id bigint[]
) RETURNS TABLE (object_id bigint, sha256 text, backend_type text, refcount integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_objects bigint[];
BEGIN
    PERFORM validate_storage_references(p_sha256, p_backend_type, p_reference_type, p_reference_id);
    v_objects := ARRAY(
        SELECT o.object_id FROM storage_objects o
        WHERE (o.sha256, o.backend_type) IN (SELECT s, b FROM unnest(p_sha256, p_backend_type) AS given (s, b))
    );
    PERFORM 1 FROM storage_objects o WHERE o.object_id = ANY (v_objects) ORDER BY o.object_id FOR NO KEY UPDATE;
    DELETE FROM storage_references r
    USING unnest(p_sha256, p_backend_type, p_reference_type, p_reference_id) AS given (s, b, t, i), storage_objects o
    WHERE o.sha256 = s AND o.backend_type = b
      AND r.object_id = o.object_id AND r.reference_type = t AND r.referenced_id = i;
    RETURN QUERY SELECT o.object_id, o.sha256::text, o.backend_type::text, o.refcount
                 FROM storage_objects o WHERE o.object_id = ANY (v_objects) ORDER BY o.object_id;
END $$;

-- Correct counts that drifted before the triggers maintained them, and record each correction. Commits every 1,000 objects.
CREATE OR REPLACE PROCEDURE recount_storage_objects() LANGUAGE plpgsql AS $$
DECLARE
    v_last bigint := 0;
    v_objects bigint[];
BEGIN
    LOOP
        v_objects := ARRAY(
            SELECT o.object_id FROM storage_objects o
            WHERE o.object_id > v_last
              AND o.refcount <> (SELECT count(*) FROM storage_references r WHERE r.object_id = o.object_id)
            ORDER BY o.object_id LIMIT 1000
        );
        EXIT WHEN v_objects = '{}';
        v_last := v_objects[cardinality(v_objects)];
        PERFORM 1 FROM storage_objects WHERE object_id = ANY (v_objects) ORDER BY object_id FOR NO KEY UPDATE;
        WITH counted AS (
            SELECT o.object_id, o.sha256, o.backend_type, o.refcount AS was,
                   (SELECT count(*) FROM storage_references r WHERE r.object_id = o.object_id)::integer AS is_now
            FROM storage_objects o WHERE o.object_id = ANY (v_objects)
        ), changed AS (
            UPDATE storage_objects o SET refcount = c.is_now
            FROM counted c WHERE c.object_id = o.object_id AND c.was <> c.is_now
            RETURNING o.object_id
        )
        INSERT INTO storage_events (action, object_id, sha256, backend_type, detail, reason)
        SELECT 'count_corrected', c.object_id, c.sha256, c.backend_type, jsonb_build_object('was', c.was, 'is', c.is_now),
               'the count was not the number of references'
        FROM counted c JOIN changed USING (object_id) ORDER BY c.object_id;
        COMMIT;
    END LOOP;
END $$;
