-- Helpers of the revisions, in the session's temporary schema. ncfd.revision is the running revision; ncfd.allow_destructive
-- lists the revisions that may destroy rows.

-- Mark an object, in its comment, as created by the running revision. Only the downgrade of that revision drops it.
CREATE OR REPLACE FUNCTION pg_temp.mark_created(p_kind text, p_object text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COMMENT ON %s %s IS %L', p_kind, p_object,
                   'Created by revision ' || current_setting('ncfd.revision'));
END $$;

CREATE OR REPLACE FUNCTION pg_temp.comment_of(p_kind text, p_object text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE p_kind
        WHEN 'TABLE' THEN obj_description(to_regclass(p_object), 'pg_class')
        WHEN 'VIEW' THEN obj_description(to_regclass(p_object), 'pg_class')
        WHEN 'ROUTINE' THEN obj_description(to_regprocedure(p_object), 'pg_proc')
        WHEN 'COLUMN' THEN (
            SELECT col_description(attrelid, attnum) FROM pg_attribute
            WHERE attrelid = to_regclass(split_part(p_object, '.', 1))
              AND attname = split_part(p_object, '.', 2) AND NOT attisdropped)
    END
$$;

CREATE OR REPLACE FUNCTION pg_temp.is_created_here(p_kind text, p_object text) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce(pg_temp.comment_of(p_kind, p_object) = 'Created by revision ' || current_setting('ncfd.revision'), false)
$$;

-- Comment an object that has no comment. With ncfd.remove_comments = on, remove the comment if it is this text.
CREATE OR REPLACE FUNCTION pg_temp.add_comment(p_kind text, p_object text, p_comment text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_found text := pg_temp.comment_of(p_kind, p_object);
BEGIN
    IF current_setting('ncfd.remove_comments', true) = 'on' THEN
        IF v_found = p_comment THEN
            EXECUTE format('COMMENT ON %s %s IS NULL', p_kind, p_object);
        END IF;
    ELSIF v_found IS NULL THEN
        EXECUTE format('COMMENT ON %s %s IS %L', p_kind, p_object, p_comment);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.lacks_column(p_table text, p_column text) RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = to_regclass(p_table) AND attname = p_column AND attnum > 0 AND NOT attisdropped)
$$;

-- Count rows. p_losses maps a table to the condition of the rows.
CREATE OR REPLACE FUNCTION pg_temp.count_losses(p_losses jsonb) RETURNS TABLE (name text, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_condition text;
BEGIN
    FOR name, v_condition IN SELECT key, value FROM jsonb_each_text(p_losses) ORDER BY key LOOP
        CONTINUE WHEN to_regclass(name) IS NULL;
        EXECUTE format('SELECT count(*) FROM %s WHERE %s', name, v_condition) INTO rows;
        IF rows > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;

-- Refuse a downgrade that would destroy rows, see count_losses().
CREATE OR REPLACE FUNCTION pg_temp.refuse_loss(p_losses jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_table text;
    v_lost text;
    v_revision text := current_setting('ncfd.revision');
BEGIN
    IF v_revision = ANY (string_to_array(coalesce(current_setting('ncfd.allow_destructive', true), ''), ',')) THEN
        RETURN;
    END IF;
    FOR v_table IN SELECT jsonb_object_keys(p_losses) ORDER BY 1 LOOP
        CONTINUE WHEN to_regclass(v_table) IS NULL;
        -- No rows can be added between the count and the drop.
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_table);
    END LOOP;
    v_lost := (SELECT string_agg(format('%s (%s)', name, rows), ', ') FROM pg_temp.count_losses(p_losses));
    IF v_lost <> '' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'NC001',
            MESSAGE = format('the downgrade of %s would destroy rows of %s', v_revision, v_lost),
            HINT = format('To destroy these rows, name the revision: --allow-destructive %s', v_revision);
    END IF;
END $$;

-- Give the constraint of this kind over exactly these columns the name, or add the constraint if there is none.
CREATE OR REPLACE FUNCTION pg_temp.ensure_constraint(
    p_table text, p_kind "char", p_columns text[], p_name text, p_definition text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_found text;
BEGIN
    SELECT c.conname INTO v_found FROM pg_constraint c
    WHERE c.conrelid = to_regclass(p_table) AND c.contype = p_kind
      AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
           FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
          = (SELECT array_agg(x ORDER BY x) FROM unnest(p_columns) x)
    ORDER BY (c.conname = p_name) DESC, c.conname LIMIT 1;
    IF v_found IS NULL THEN
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', p_table, p_name, p_definition);
    ELSIF v_found <> p_name THEN
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', p_table, v_found, p_name);
    END IF;
END $$;

-- Give the sequence of a column PostgreSQL's default name.
CREATE OR REPLACE FUNCTION pg_temp.rename_sequence(p_table text, p_column text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_sequence regclass := pg_get_serial_sequence(p_table, p_column)::regclass;
    v_name text := p_table || '_' || p_column || '_seq';
BEGIN
    IF v_sequence IS NOT NULL AND v_sequence <> coalesce(to_regclass(v_name)::oid, 0) THEN
        EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', v_sequence, v_name);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.attributes()
RETURNS TABLE (class oid, oid oid, sub int2, facet text, line text, relation oid, columns int2[], place integer) LANGUAGE sql STABLE AS $attributes$
\ir attributes.sql
$attributes$;

-- Attributes of objects that the revision replaces, with the name of the function, table or view.
CREATE TEMPORARY TABLE IF NOT EXISTS kept (
    class oid, oid oid, sub int2, facet text, line text, relation oid, columns int2[], place integer, name text
) ON COMMIT DROP;

CREATE OR REPLACE FUNCTION pg_temp.remember_functions() RETURNS void LANGUAGE sql AS $$
    INSERT INTO pg_temp.kept
    SELECT a.*, a.oid::regprocedure::text FROM pg_temp.attributes() a WHERE a.class = 'pg_proc'::regclass
$$;

-- Remember what hangs on a table or view, or on one of its columns, before it is replaced.
-- put_back() runs at the end of each revision.
CREATE OR REPLACE FUNCTION pg_temp.remember(p_relation regclass, p_column name DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO pg_temp.kept
    SELECT a.*, p_relation::text FROM pg_temp.attributes() a
    WHERE a.relation = p_relation
      AND (p_column IS NULL
           OR (SELECT attnum FROM pg_attribute WHERE attrelid = p_relation AND attname = p_column) = ANY (a.columns))
$$;

-- Before PostgreSQL 16, to_regprocedure() fails for a type that the revision drops.
CREATE OR REPLACE FUNCTION pg_temp.find_routine(p_name text) RETURNS oid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN to_regprocedure(p_name)::oid;
EXCEPTION
    WHEN undefined_object THEN RETURN NULL;
END $$;

-- Create again what was lost with a function, view or column that now exists in another version. What cannot be put back needs
-- consent. A revision that sets an option of a function itself overrides it.
CREATE OR REPLACE FUNCTION pg_temp.put_back() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_line text;
    v_failed text[] := '{}';
    v_revision text := current_setting('ncfd.revision');
BEGIN
    -- New objects have the grants of default privileges.
    FOR v_line IN
        SELECT DISTINCT format('REVOKE ALL ON %s %s FROM %s', o.kind, o.name,
                               CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END)
        FROM (SELECT 'TABLE' AS kind, k.name, c.relowner AS owner, c.relacl AS acl
              FROM pg_temp.kept k JOIN pg_class c ON c.oid = to_regclass(k.name) WHERE c.oid <> k.relation AND k.relation <> 0
              UNION ALL SELECT 'ROUTINE', k.name, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
              FROM pg_temp.kept k JOIN pg_proc p ON p.oid = pg_temp.find_routine(k.name) WHERE p.oid <> k.oid AND k.relation = 0) o,
             aclexplode(o.acl) g
        WHERE g.grantee <> o.owner
    LOOP
        EXECUTE v_line;
    END LOOP;
    FOR v_line IN
        -- The second is read only if a table or view was replaced.
        WITH routines AS MATERIALIZED (SELECT a.oid, a.facet FROM pg_temp.attributes() a WHERE a.class = 'pg_proc'::regclass),
             lines AS MATERIALIZED (SELECT a.line FROM pg_temp.attributes() a WHERE a.relation <> 0)
        SELECT k.line FROM pg_temp.kept k
        WHERE CASE
                WHEN k.relation <> 0 THEN k.line NOT IN (SELECT line FROM lines)
                WHEN starts_with(k.facet, 'option') THEN
                    (pg_temp.find_routine(k.name), k.facet) NOT IN (SELECT oid, facet FROM routines)
                    AND pg_temp.find_routine(k.name) IS NOT NULL
                ELSE pg_temp.find_routine(k.name) <> k.oid
              END
        GROUP BY k.line ORDER BY min(k.place), k.line
    LOOP
        BEGIN
            EXECUTE v_line;
        EXCEPTION
            WHEN lock_not_available OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN v_failed := v_failed || format('%s (%s)', v_line, SQLERRM);
        END;
    END LOOP;
    IF v_failed <> '{}' AND v_revision <> ALL (string_to_array(coalesce(current_setting('ncfd.allow_destructive', true), ''), ',')) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'NC001',
            MESSAGE = format('%s cannot put back what hangs on objects that it replaces: %s', v_revision, array_to_string(v_failed, '; ')),
            HINT = format('To lose it, name the revision: --allow-destructive %s', v_revision);
    END IF;
END $$;

-- Replace a view with its options. If its columns changed, drop and create it.
CREATE OR REPLACE FUNCTION pg_temp.replace_view(p_view text, p_query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_options text := (SELECT format('WITH (%s)', string_agg(format('%I = %L', o.option_name, o.option_value), ', '))
                       FROM pg_class c, pg_options_to_table(c.reloptions) o WHERE c.oid = to_regclass(p_view) HAVING count(*) > 0);
BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW %I %s AS %s', p_view, v_options, p_query);
EXCEPTION WHEN invalid_table_definition OR wrong_object_type THEN
    PERFORM pg_temp.remember(to_regclass(p_view));
    EXECUTE format('DROP VIEW %I', p_view);
    EXECUTE format('CREATE VIEW %I %s AS %s', p_view, v_options, p_query);
END $$;

-- Revoke EXECUTE on functions from everyone but their owner, also where default privileges granted it.
CREATE OR REPLACE FUNCTION pg_temp.restrict_execution(VARIADIC p_functions regprocedure[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_function regprocedure;
    v_grantee text;
BEGIN
    FOR v_function, v_grantee IN
        SELECT p.oid, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END
        FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
        WHERE p.oid = ANY (p_functions::oid[]) AND g.grantee <> p.proowner
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', v_function, v_grantee);
    END LOOP;
END $$;

-- Create a materialized view, or replace it if its query differs.
CREATE OR REPLACE FUNCTION pg_temp.replace_materialized_view(p_view text, p_query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_is_same boolean;
    v_kind "char";
BEGIN
    EXECUTE format('CREATE OR REPLACE TEMPORARY VIEW ncfd_wanted AS %s', p_query);
    SELECT c.relkind, c.relkind = 'm' AND pg_get_viewdef(c.oid) = pg_get_viewdef('pg_temp.ncfd_wanted'::regclass)
    INTO v_kind, v_is_same FROM pg_class c WHERE c.oid = to_regclass(p_view);
    DROP VIEW pg_temp.ncfd_wanted;
    IF v_is_same THEN
        RETURN;
    END IF;
    IF v_kind IS NOT NULL THEN
        PERFORM pg_temp.remember(to_regclass(p_view));
        -- For a view under this name.
        DELETE FROM pg_temp.kept WHERE line LIKE format('ALTER VIEW public.%I %%SET %%', p_view);
        UPDATE pg_temp.kept SET line = regexp_replace(line, '^(ALTER|COMMENT ON) VIEW ', '\1 MATERIALIZED VIEW ') WHERE name = p_view;
        EXECUTE format('DROP %sVIEW %I', CASE v_kind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, p_view);
    END IF;
    EXECUTE format('CREATE MATERIALIZED VIEW %I AS %s', p_view, p_query);
END $$;

-- Install an extension if the server offers and allows it; return whether it is installed, in any schema.
CREATE OR REPLACE FUNCTION pg_temp.ensure_extension(p_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = p_name) THEN
        RETURN true;
    ELSIF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = p_name) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE EXTENSION %I', p_name);
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RAISE;
    WHEN OTHERS THEN
        -- Each provider has its own SQLSTATE for an extension that it does not allow.
        RETURN false;
END $$;
