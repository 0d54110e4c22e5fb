-- What hangs on the objects of schema public, each with the statement that creates it. A row is identified by object and facet.
-- `relation` and `columns` are what it needs; `place` orders the statements.
WITH relations AS (
    SELECT c.*, format('public.%I', c.relname) AS name,
           CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE'
                ELSE 'TABLE' END AS kind
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.deptype = 'e')
), attributes AS (
    SELECT r.name AS relation_name, r.kind, r.relkind, a.*, format('public.%I.%I', r.relname, a.attname) AS name
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind <> 'S'
), routines AS (
    SELECT p.*, p.oid::regprocedure::text AS name, CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind
    FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype IN ('e', 'i'))
), indexes AS (
    SELECT i.oid, i.relname, x.indrelid, r.kind AS relation_kind, r.name AS relation_name, format('public.%I', i.relname) AS name,
           x.indisclustered, x.indisreplident, k.oid AS constraint_oid,
           ARRAY(SELECT DISTINCT d.refobjsubid::int2 FROM pg_depend d
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid AND d.refobjid = x.indrelid AND d.refobjsubid > 0
                 UNION SELECT unnest(k.conkey)) AS columns
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN relations r ON r.oid = x.indrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')
    WHERE x.indisvalid
), constraints AS (
    SELECT k.oid, k.conname, k.conrelid, r.name AS relation_name, coalesce(k.conkey, '{}') AS columns, k.contype
    FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conislocal
), triggers AS (
    SELECT t.*, r.name AS relation_name,
           ARRAY(SELECT DISTINCT d.refobjsubid::int2 FROM pg_depend d
                 WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.refobjid = t.tgrelid AND d.refobjsubid > 0) AS columns
    FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
), rules AS (
    SELECT w.*, r.name AS relation_name FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
), policies AS (
    SELECT p.*, r.name AS relation_name FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
), statistics AS (
    SELECT s.*, format('%s.%I', s.stxnamespace::regnamespace, s.stxname) AS name,
           ARRAY(SELECT DISTINCT d.refobjsubid::int2 FROM pg_depend d
                 WHERE d.classid = 'pg_statistic_ext'::regclass AND d.objid = s.oid AND d.refobjid = s.stxrelid AND d.refobjsubid > 0)
               AS columns
    FROM pg_statistic_ext s JOIN relations r ON r.oid = s.stxrelid
), commented (class, oid, sub, object, relation, columns, place) AS (
    SELECT 'pg_class'::regclass, oid, 0, kind || ' ' || name, oid, '{}'::int2[], 7 FROM relations
    UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, 'COLUMN ' || name, attrelid, ARRAY[attnum], 7 FROM attributes
    UNION ALL SELECT 'pg_class'::regclass, oid, 0, 'INDEX ' || name, indrelid, columns, 7 FROM indexes
    UNION ALL SELECT 'pg_proc'::regclass, oid, 0, kind || ' ' || name, 0, '{}', 7 FROM routines
    UNION ALL SELECT 'pg_constraint'::regclass, oid, 0, format('CONSTRAINT %I ON %s', conname, relation_name), conrelid, columns, 7 FROM constraints
    UNION ALL SELECT 'pg_trigger'::regclass, oid, 0, format('TRIGGER %I ON %s', tgname, relation_name), tgrelid, columns, 7 FROM triggers
    UNION ALL SELECT 'pg_rewrite'::regclass, oid, 0, format('RULE %I ON %s', rulename, relation_name), ev_class, '{}', 7 FROM rules
    UNION ALL SELECT 'pg_policy'::regclass, oid, 0, format('POLICY %I ON %s', polname, relation_name), polrelid, '{}', 7 FROM policies
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, 0, 'STATISTICS ' || name, stxrelid, columns, 7 FROM statistics
), owned (class, oid, object, owner, acl, acl_kind, relation) AS (
    SELECT 'pg_class'::regclass, oid, kind || ' ' || name, relowner, relacl, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END || ' ' || name, oid
    FROM relations
    UNION ALL SELECT 'pg_proc'::regclass, oid, kind || ' ' || name, proowner, coalesce(proacl, acldefault('f', proowner)),
                     kind || ' ' || name, 0 FROM routines
)
SELECT class::oid AS class, oid, sub::int2 AS sub, facet, line, relation, columns, place
FROM (
    SELECT class, oid, sub, 'comment' AS facet, format('COMMENT ON %s IS %L', object, d.description) AS line, relation, columns, place
    FROM commented c JOIN pg_description d ON d.classoid = c.class AND d.objoid = c.oid AND d.objsubid = c.sub
    UNION ALL
    SELECT class, oid, 0, 'owner', format('ALTER %s OWNER TO %I', object, pg_get_userbyid(owner)), relation, '{}', 9 FROM owned
    UNION ALL
    SELECT class, oid, 0, format('grant %s to %s', g.privilege_type, g.grantee),
           format('GRANT %s ON %s TO %s%s', g.privilege_type, acl_kind,
                  CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), relation, '{}', 6
    FROM owned, aclexplode(acl) g WHERE g.grantee <> owner
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, format('grant %s to %s', g.privilege_type, g.grantee),
           format('GRANT %s (%I) ON TABLE %s TO %s%s', g.privilege_type, attname, relation_name,
                  CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), attrelid, ARRAY[attnum], 6
    FROM attributes, aclexplode(attacl) g
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'option ' || o.option_name, format('ALTER %s %s SET (%I = %L)', kind, name, o.option_name, o.option_value), oid, '{}', 4
    FROM relations, pg_options_to_table(reloptions) o
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'replica identity',
           format('ALTER TABLE %s REPLICA IDENTITY %s', name, CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END), oid, '{}', 4
    FROM relations WHERE relkind IN ('r', 'p') AND relreplident IN ('f', 'n')
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'row security', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name), oid, '{}', 4 FROM relations WHERE relrowsecurity
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'forced row security', format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name), oid, '{}', 4 FROM relations WHERE relforcerowsecurity
    UNION ALL
    SELECT 'pg_class'::regclass, p.prrelid, 0, 'publication ' || b.pubname, format('ALTER PUBLICATION %I ADD TABLE %s', b.pubname, r.name), r.oid, '{}', 4
    FROM pg_publication_rel p JOIN pg_publication b ON b.oid = p.prpubid JOIN relations r ON r.oid = p.prrelid
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, 'not null', format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation_name, attname), attrelid, ARRAY[attnum], 3
    FROM attributes WHERE attnotnull AND relkind IN ('r', 'p')
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, 'statistics', format('ALTER %s %s ALTER COLUMN %I SET STATISTICS %s', kind, relation_name, attname, attstattarget), attrelid, ARRAY[attnum], 3
    FROM attributes WHERE attstattarget >= 0
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, 'option ' || o.option_name, format('ALTER %s %s ALTER COLUMN %I SET (%I = %L)', kind, relation_name, attname, o.option_name, o.option_value), attrelid, ARRAY[attnum], 3
    FROM attributes, pg_options_to_table(attoptions) o
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, 'storage',
           format('ALTER %s %s ALTER COLUMN %I SET STORAGE %s', kind, relation_name, attname,
                  CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END), attrelid, ARRAY[attnum], 3
    FROM attributes JOIN pg_type t ON t.oid = atttypid WHERE relkind IN ('r', 'p', 'm') AND attstorage <> typstorage
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, 'compression',
           format('ALTER %s %s ALTER COLUMN %I SET COMPRESSION %s', kind, relation_name, attname, CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END), attrelid, ARRAY[attnum], 3
    FROM attributes WHERE attcompression <> ''
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum, 'default', format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', relation_name, attname, pg_get_expr(d.adbin, d.adrelid)), attrelid, ARRAY[attnum], 3
    FROM attributes JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum WHERE relkind = 'v'
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid, 0, 'definition', format('ALTER TABLE %s ADD CONSTRAINT %I %s', relation_name, conname, pg_get_constraintdef(oid)), conrelid, columns,
           CASE contype WHEN 'f' THEN 2 ELSE 1 END
    FROM constraints
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'definition', pg_get_indexdef(oid), indrelid, columns, 1 FROM indexes WHERE constraint_oid IS NULL
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'clustered', format('ALTER %s %s CLUSTER ON %I', relation_kind, relation_name, relname), indrelid, columns, 4 FROM indexes WHERE indisclustered
    UNION ALL
    SELECT 'pg_class'::regclass, oid, 0, 'replica identity', format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', relation_name, relname), indrelid, columns, 4 FROM indexes WHERE indisreplident
    UNION ALL
    SELECT 'pg_class'::regclass, i.oid, a.attnum, 'statistics', format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', i.name, a.attnum, a.attstattarget), indrelid, columns, 4
    FROM indexes i JOIN pg_attribute a ON a.attrelid = i.oid WHERE a.attstattarget >= 0
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid, 0, 'definition', pg_get_statisticsobjdef(oid), stxrelid, columns, 2 FROM statistics
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid, 0, 'statistics', format('ALTER STATISTICS %s SET STATISTICS %s', name, stxstattarget), stxrelid, columns, 4 FROM statistics WHERE stxstattarget >= 0
    UNION ALL
    SELECT 'pg_trigger'::regclass, oid, 0, 'definition', pg_get_triggerdef(oid), tgrelid, columns, 2 FROM triggers
    UNION ALL
    SELECT 'pg_trigger'::regclass, oid, 0, 'state',
           format('ALTER TABLE %s %s TRIGGER %I', relation_name, CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname), tgrelid, columns, 4
    FROM triggers WHERE tgenabled <> 'O'
    UNION ALL
    SELECT 'pg_rewrite'::regclass, oid, 0, 'definition', rtrim(pg_get_ruledef(oid), ';'), ev_class, '{}', 2 FROM rules
    UNION ALL
    SELECT 'pg_rewrite'::regclass, oid, 0, 'state',
           format('ALTER TABLE %s %s RULE %I', relation_name, CASE ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, rulename), ev_class, '{}', 4
    FROM rules WHERE ev_enabled <> 'O'
    UNION ALL
    SELECT 'pg_policy'::regclass, oid, 0, 'definition',
           format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, relation_name, CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                  CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                  (SELECT string_agg(CASE g WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g)) END, ', ' ORDER BY 1) FROM unnest(polroles) g),
                  ' USING (' || pg_get_expr(polqual, polrelid) || ')', ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')'), polrelid, '{}', 2
    FROM policies
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'option', format('ALTER %s %s SECURITY DEFINER', kind, name), 0, '{}', 4 FROM routines WHERE prosecdef
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'option ' || split_part(s, '=', 1),
           format('ALTER %s %s SET %s TO %s', kind, name, split_part(s, '=', 1),
                  -- Lists, such as search_path, are stored with quoted elements.
                  CASE WHEN split_part(s, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
                       THEN coalesce(nullif(substr(s, strpos(s, '=') + 1), ''), '''''') ELSE quote_literal(substr(s, strpos(s, '=') + 1)) END), 0, '{}', 4
    FROM routines, unnest(proconfig) s
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'option cost', format('ALTER %s %s COST %s', kind, name, procost), 0, '{}', 4 FROM routines
    WHERE procost <> CASE WHEN prolang IN (12, 13) THEN 1 ELSE 100 END AND prokind = 'f'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'option rows', format('ALTER %s %s ROWS %s', kind, name, prorows), 0, '{}', 4 FROM routines WHERE proretset AND prorows <> 1000
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'option parallel', format('ALTER %s %s PARALLEL %s', kind, name, CASE proparallel WHEN 's' THEN 'SAFE' ELSE 'RESTRICTED' END), 0, '{}', 4 FROM routines WHERE proparallel <> 'u'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, 'option leakproof', format('ALTER %s %s LEAKPROOF', kind, name), 0, '{}', 4 FROM routines WHERE proleakproof
) AS facets (class, oid, sub, facet, line, relation, columns, place)
ORDER BY place, line
