"""Reader of what is attached to the objects of schema `public`, and of every other object that a database can hold.

An attribute with the server's default is left out, so that two databases with the same attributes give the same rows.
The columns of each query: kind, name, kind and name of the object that it belongs to (NULL: the database), definition.
"""

# ruff: noqa: S608 (the queries are constants)

from dataclasses import dataclass
from typing import Any

import psycopg

from ncfd_site.schema import retrying
from ncfd_site.schema.catalog import Key
from ncfd_site.schema.catalog_scope import OF_DJANGO, OURS, ROUTINES, exclude_extensions

_OURS = f"{OURS} AND c.relname NOT LIKE 'alembic\\_%'"
_ROUTINE = "p.proname || '(' || oidvectortypes(p.proargtypes) || ')'"
_TYPES = (
    "pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'e'"
    f" AND t.typname !~ '{OF_DJANGO}' AND {exclude_extensions('pg_type', 't.oid')}"
)
# Every object should belong to the owner of this table.
_OWNER = "(SELECT relowner FROM pg_class WHERE oid = to_regclass('public.trials'))"

# Each object with privileges: kind and name, the privileges that it has, and those that the server gives at first.
_PRIVILEGED = f"""
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'relation' END, c.relname::text, c.relname::text, c.relowner,
           c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)
    FROM pg_class c WHERE {_OURS} AND c.relacl IS NOT NULL
    UNION ALL
    SELECT 'relation', c.relname, c.relname || '.' || a.attname, c.relowner, a.attacl, acldefault('c', c.relowner)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE {_OURS} AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'function', {_ROUTINE}, {_ROUTINE}, p.proowner, p.proacl, acldefault('f', p.proowner)
    FROM {ROUTINES} AND p.proacl IS NOT NULL
    UNION ALL
    SELECT 'enum', t.typname, 'type ' || t.typname, t.typowner, t.typacl, acldefault('T', t.typowner)
    FROM {_TYPES} AND t.typacl IS NOT NULL
    UNION ALL
    SELECT NULL, NULL, 'schema public', n.nspowner, n.nspacl, coalesce(i.initprivs, acldefault('n', n.nspowner))
    FROM pg_namespace n LEFT JOIN pg_init_privs i ON i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass
    WHERE n.nspname = 'public' AND n.nspacl IS NOT NULL
    UNION ALL
    SELECT NULL, NULL, 'database', d.datdba, d.datacl, acldefault('d', d.datdba)
    FROM pg_database d WHERE d.datname = current_database() AND d.datacl IS NOT NULL
    UNION ALL
    SELECT NULL, NULL, 'language ' || l.lanname, l.lanowner, l.lanacl, acldefault('l', l.lanowner)
    FROM pg_language l WHERE l.lanacl IS NOT NULL
    UNION ALL
    SELECT NULL, NULL, 'new ' || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
               WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END
               || ' of ' || pg_get_userbyid(d.defaclrole)
               || CASE d.defaclnamespace WHEN 0 THEN '' ELSE ' in public' END,
           d.defaclrole, d.defaclacl,
           CASE WHEN d.defaclnamespace = 0 THEN acldefault(lower(d.defaclobjtype::text)::"char", d.defaclrole)
                END
    FROM pg_default_acl d WHERE d.defaclnamespace IN (0, 'public'::regnamespace) AND d.defaclobjtype <> 'L'
"""

_GRANTS = f"""
    WITH privileged (of_kind, of_name, name, owner, acl, standard) AS ({_PRIVILEGED}),
    given AS (
        SELECT of_kind, of_name, name, owner, g.* FROM privileged, aclexplode(acl) g
    ), standard AS (
        SELECT of_kind, of_name, name, owner, g.* FROM privileged, aclexplode(standard) g
    ), different (of_kind, of_name, name, owner, grantor, grantee, privilege, is_grantable, is_given) AS (
        SELECT g.*, true FROM given g WHERE NOT EXISTS (
            SELECT FROM standard s WHERE s.name = g.name AND s.grantee = g.grantee
              AND s.privilege_type = g.privilege_type AND s.is_grantable = g.is_grantable)
        -- What manage.py database_roles grants to the roles that it marks.
        AND (g.is_grantable OR NOT coalesce(
            shobj_description(g.grantee, 'pg_authid') = 'ncfd: site' AND name !~ '^alembic_'
                AND g.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE', 'EXECUTE')
            OR shobj_description(g.grantee, 'pg_authid') = 'ncfd: pipeline' AND g.privilege_type = 'EXECUTE', false))
        UNION ALL
        -- An older server gives no MAINTAIN.
        SELECT s.*, false FROM standard s WHERE s.privilege_type <> 'MAINTAIN' AND NOT EXISTS (
            SELECT FROM given g WHERE g.name = s.name AND g.grantee = s.grantee AND g.privilege_type = s.privilege_type)
    )
    SELECT 'grant', name || ' to ' || CASE grantee WHEN 0 THEN 'PUBLIC' WHEN owner THEN 'its owner'
                                                   ELSE pg_get_userbyid(grantee) END,
           of_kind, of_name,
           string_agg(CASE WHEN is_given THEN '' ELSE 'not ' END || privilege
                      || CASE WHEN is_grantable AND grantee <> owner THEN ' WITH GRANT OPTION' ELSE '' END, ', '
                      ORDER BY is_given, privilege)
    FROM different GROUP BY name, grantee, owner, of_kind, of_name
"""

_OWNERS = f"""
    SELECT 'owner', name, of_kind, of_name, pg_get_userbyid(owner) || ' instead of ' || pg_get_userbyid({_OWNER})
    FROM (
        SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'relation' END, c.relname::text, c.relname::text, c.relowner
        FROM pg_class c WHERE {_OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        UNION ALL SELECT 'function', {_ROUTINE}, {_ROUTINE}, p.proowner FROM {ROUTINES}
        UNION ALL SELECT 'enum', t.typname, 'type ' || t.typname, t.typowner FROM {_TYPES}
    ) AS o (of_kind, of_name, name, owner)
    WHERE owner <> {_OWNER}
"""

_RELATIONS = f"""
    SELECT kind, c.relname, 'relation', coalesce(o.relname, c.relname), definition
    FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid LEFT JOIN pg_class o ON o.oid = x.indrelid
    CROSS JOIN LATERAL (VALUES
        ('options', (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(c.reloptions) AS option)),
        ('forced row security', CASE WHEN c.relforcerowsecurity THEN 'on' END),
        ('replica identity', CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'i' THEN 'an index'
             WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'NOTHING' END END),
        ('replica identity', CASE WHEN x.indisreplident THEN 'this index' END),
        ('clustering', CASE WHEN x.indisclustered THEN 'by this index' END),
        ('tablespace', (SELECT s.spcname::text FROM pg_tablespace s WHERE s.oid = c.reltablespace)),
        ('access method', (SELECT m.amname::text FROM pg_am m WHERE m.oid = c.relam AND m.amtype = 't'
                           AND m.amname <> 'heap')),
        ('type of rows', (SELECT t.typname::text FROM pg_type t WHERE t.oid = c.reloftype)),
        ('partitioning', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END),
        ('partition', CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END),
        ('population', CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'WITH NO DATA' END),
        ('persistence', CASE WHEN c.relkind = 'S' AND c.relpersistence <> 'p' THEN c.relpersistence::text END)
    ) AS a (kind, definition)
    WHERE {_OURS} AND definition IS NOT NULL
      -- The definition of an index has its options.
      AND (c.relkind <> 'i' OR kind <> 'options' OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid))
"""

_COLUMNS = f"""
    SELECT kind, c.relname || '.' || a.attname, 'relation', coalesce(o.relname, c.relname), definition
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_index x ON x.indexrelid = c.oid LEFT JOIN pg_class o ON o.oid = x.indrelid
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    CROSS JOIN LATERAL (VALUES
        ('statistics target', nullif(a.attstattarget, -1)::text),
        ('storage', CASE WHEN a.attstorage <> t.typstorage AND c.relkind <> 'i' THEN a.attstorage::text END),
        ('compression', CASE WHEN c.relkind <> 'i' THEN nullif(a.attcompression::text, '') END),
        ('options', array_to_string(a.attoptions, ', ')),
        ('options', array_to_string(a.attfdwoptions, ', ')),
        ('identity', CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS' WHEN 'd' THEN 'GENERATED BY DEFAULT' END),
        ('virtual', CASE WHEN a.attgenerated = 'v' THEN 'not stored' END)
    ) AS s (kind, definition)
    WHERE {_OURS} AND a.attnum > 0 AND NOT a.attisdropped AND definition IS NOT NULL
"""

_PARTS = f"""
    SELECT 'rule', r.rulename || ' on ' || c.relname, 'relation', c.relname,
           CASE r.rulename WHEN '_RETURN' THEN '' ELSE pg_get_ruledef(r.oid) END
           || CASE WHEN r.ev_enabled = 'O' THEN '' ELSE ' DISABLED OR REPLICA' END
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE {_OURS} AND (r.rulename <> '_RETURN' OR r.ev_enabled <> 'O')
    UNION ALL
    SELECT 'policy', p.polname || ' on ' || c.relname, 'relation', c.relname,
           concat_ws(' ', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, 'FOR', p.polcmd::text,
                     'TO ' || array_to_string(ARRAY(SELECT CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END
                                                    FROM unnest(p.polroles) r ORDER BY 1), ', '),
                     'USING (' || pg_get_expr(p.polqual, c.oid) || ')',
                     'WITH CHECK (' || pg_get_expr(p.polwithcheck, c.oid) || ')')
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE {_OURS}
    UNION ALL
    SELECT 'foreign key triggers', c.relname, 'relation', c.relname, count(*) || ' disabled'
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE {_OURS} AND t.tgisinternal AND t.tgenabled <> 'O' GROUP BY c.relname
    UNION ALL
    SELECT 'inheritance', h.inhrelid::regclass::text, 'relation', c.relname, 'child of ' || c.relname
    FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent WHERE {_OURS} AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'not null', c.relname || '.' || k.conname, 'relation', c.relname, 'NOT VALID'
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE {_OURS} AND k.contype = 'n' AND NOT k.convalidated
    UNION ALL
    SELECT 'cache', c.relname, 'sequence', c.relname, s.seqcache::text
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE {_OURS} AND s.seqcache <> 1
    UNION ALL
    SELECT 'statistics', s.stxname, 'relation', c.relname,
           pg_get_statisticsobjdef(s.oid) || coalesce(' target ' || nullif(s.stxstattarget, -1), '')
    FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid WHERE {_OURS}
    UNION ALL
    SELECT 'setting', split_part(setting, '=', 1)
               || CASE s.setdatabase WHEN 0 THEN '' ELSE ' of the database' END
               || coalesce(' of role ' || nullif(s.setrole, 0)::regrole, ''), NULL, NULL, setting
    FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
    WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

# Comments and security labels of the objects of the schema; revisions mark what they create in a comment.
_TEXTS = f"""
    SELECT d.kind, i.type || ' ' || i.name, i.of_kind, i.of_name, d.definition
    FROM (SELECT 'comment', classoid, objoid, objsubid, description FROM pg_description WHERE objoid >= 16384
          UNION ALL SELECT 'security label of ' || provider, classoid, objoid, objsubid, label FROM pg_seclabel
    ) AS d (kind, classoid, objoid, objsubid, definition)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.objsubid > 0 THEN 'column' WHEN c.relkind = 'S' THEN 'sequence' ELSE 'relation' END,
               c.relname || coalesce('.' || a.attname, ''),
               CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'relation' END, coalesce(o.relname, c.relname)::text
        FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
        LEFT JOIN pg_index x ON x.indexrelid = c.oid LEFT JOIN pg_class o ON o.oid = x.indrelid
        WHERE d.classoid = 'pg_class'::regclass AND c.oid = d.objoid AND {_OURS}
        UNION ALL
        SELECT 'function', {_ROUTINE}, 'function', {_ROUTINE}
        FROM {ROUTINES} AND d.classoid = 'pg_proc'::regclass AND p.oid = d.objoid
        UNION ALL
        SELECT 'type', t.typname, 'enum', t.typname
        FROM {_TYPES} AND d.classoid = 'pg_type'::regclass AND t.oid = d.objoid
        UNION ALL
        SELECT n.kind, n.name || ' on ' || c.relname, 'relation', c.relname
        FROM (SELECT 'constraint', 'pg_constraint'::regclass, oid, conname, conrelid FROM pg_constraint
              UNION ALL SELECT 'trigger', 'pg_trigger'::regclass, oid, tgname, tgrelid FROM pg_trigger
              UNION ALL SELECT 'rule', 'pg_rewrite'::regclass, oid, rulename, ev_class FROM pg_rewrite
              UNION ALL SELECT 'policy', 'pg_policy'::regclass, oid, polname, polrelid FROM pg_policy
        ) AS n (kind, class, oid, name, relation) JOIN pg_class c ON c.oid = n.relation
        WHERE n.class = d.classoid AND n.oid = d.objoid AND {_OURS}
    ) AS i (type, name, of_kind, of_name)
    WHERE d.definition NOT LIKE 'Created by revision %'
"""

# Kinds of objects that no revision creates: catalogs, and the condition of their rows. 16384 is the first OID of users.
_OTHERS = {
    "pg_cast": "", "pg_operator": "", "pg_opclass": "", "pg_opfamily": "",
    "pg_collation": "", "pg_conversion": "", "pg_ts_config": "", "pg_ts_dict": "", "pg_ts_parser": "",
    "pg_ts_template": "", "pg_transform": "", "pg_language": "", "pg_am": "", "pg_foreign_data_wrapper": "",
    "pg_foreign_server": "", "pg_event_trigger": "", "pg_publication": "",
    "pg_publication_rel": "", "pg_publication_namespace": "", "pg_subscription": "",
    # Revisions use these where the server has them.
    "pg_extension": "o.extname NOT IN ('pg_trgm', 'btree_gist')",
    # Enums are definitions. A table has a row type, a range a multirange, every type an array. Ours is that of tickers.
    "pg_type": "o.typtype NOT IN ('e', 'm') AND o.typelem = 0 AND o.typname <> 'ticker_range'"
               f" AND o.typname !~ '{OF_DJANGO}' AND NOT EXISTS"
               " (SELECT FROM pg_class c WHERE c.oid = o.typrelid AND c.relkind <> 'c')",
    # Functions and procedures are definitions.
    "pg_proc": "o.prokind NOT IN ('f', 'p')",
    "pg_class": "o.relkind = 'f'",
}  # fmt: skip
_OTHER = {
    catalog: "SELECT i.type, i.identity, NULL, NULL, 'exists'"
    f" FROM {catalog} o, pg_identify_object('{catalog}'::regclass, o.oid, 0) i"
    f" WHERE o.oid >= 16384 AND coalesce(i.schema, 'public') = 'public' AND {condition or 'true'}"
    f" AND {exclude_extensions(catalog, 'o.oid', 'ei')} UNION ALL "
    for catalog, condition in _OTHERS.items()
}
# Its table is for superusers.
_OTHER["pg_user_mappings"] = (
    "SELECT 'user mapping', usename || ' on ' || srvname, NULL, NULL, 'exists' FROM pg_user_mappings"
)

QUERIES = (_GRANTS, _OWNERS, _RELATIONS, _COLUMNS, _PARTS, _TEXTS, "".join(_OTHER.values()))


@dataclass(frozen=True)
class Attribute:
    """An attribute that is not the server's default; `of` is the key of its object, None for the database."""

    kind: str
    name: str
    of: Key | None
    definition: str


def read_attributes(connection: psycopg.Connection[Any], patience: float = retrying.PATIENCE) -> dict[Key, Attribute]:
    """Return the attributes that are not the server's defaults, by kind and name."""
    return retrying.retry_while_locked(lambda: _read_queries(connection), patience)


def _read_queries(connection: psycopg.Connection[Any]) -> dict[Key, Attribute]:
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = pg_catalog")
        # PostgreSQL 14 has no publications of schemas.
        unknown = _OTHER["pg_publication_namespace"] if connection.info.server_version < 150000 else ""
        queries = [query.replace(unknown, "") if unknown else query for query in QUERIES]
        rows = [row for query in queries for row in connection.execute(query.encode()).fetchall()]
    return {
        (kind, name): Attribute(kind, name, (of_kind, of_name) if of_kind else None, definition)
        for kind, name, of_kind, of_name, definition in rows
    }
