-- Triggers that run as the owner call these functions, so they use no name that a schema other than pg_catalog could shadow.
--
-- Addresses of this site are store://HASH. Pipelines write local://HASH/NAME and s3://BUCKET/docs/HASH/NAME; the name content
-- means any copy of the hash in the store.
CREATE OR REPLACE FUNCTION get_storage_uri_hash(p_uri text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    v_parts text[] := string_to_array(p_uri, '/');
    v_count integer := pg_catalog.cardinality(v_parts);
    v_sha256 text;
    v_name text;
BEGIN
    -- A regular expression with {64} costs a hundred times as much.
    IF v_parts[1] = 'local:' AND v_count IN (3, 4) OR v_parts[1] = 's3:' AND v_count = 3 THEN
        v_sha256 := v_parts[3];
        v_name := v_parts[4];
    ELSIF v_parts[1] = 's3:' AND v_count = 6 AND v_parts[4] = 'docs'
          AND v_parts[3] ~ '^[A-Za-z0-9][A-Za-z0-9._-]+$' AND length(v_parts[3]) <= 63 THEN
        v_sha256 := v_parts[5];
        v_name := v_parts[6];
    END IF;
    IF v_parts[2] = '' AND length(v_sha256) = 64 AND translate(v_sha256, '0123456789abcdef', '') = ''
       AND (v_name IS NULL
            OR v_name NOT IN ('', '.', '..') AND octet_length(v_name) <= 255 AND v_name !~ '[\u0001-\u001f\u007f]') THEN
        RETURN v_sha256;
    END IF;
    RETURN NULL;
END $$;

-- Whether two addresses name the same content in the same store.
CREATE OR REPLACE FUNCTION is_same_content(p_uri text, p_other text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT p_uri = p_other
        OR (split_part(p_uri, ':', 1) = split_part(p_other, ':', 1)
            AND public.get_storage_uri_hash(p_uri) = public.get_storage_uri_hash(p_other))
$$;
