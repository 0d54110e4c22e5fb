"""Everything that users attach to a schema, read from PostgreSQL's catalogs without the code under test."""

from collections.abc import Iterable
from typing import NamedTuple

import psycopg

from tests.databases import Keywords


class Attribute(NamedTuple):
    """An attribute of an object, such as the privilege SELECT of a role on a column."""

    kind: str
    object: str
    attribute: str
    value: str


# Objects of extensions, of TOAST and of other sessions do not count; the log of runs changes in each run.
_CLASS = """
    SELECT c.*, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.relname NOT IN ('alembic_version', 'alembic_version_pkc', 'alembic_migration_log')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
_PROC = """
    SELECT p.*, p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_IS_RELATION = "relkind IN ('r', 'v', 'm', 'S', 'f')"
_QUERIES = {
    "owner": f"""
        SELECT 'relation', name, 'owner', relowner::regrole::text FROM ({_CLASS}) c WHERE {_IS_RELATION}
        UNION ALL SELECT 'function', name, 'owner', proowner::regrole::text FROM ({_PROC}) p
        UNION ALL SELECT 'schema', nspname, 'owner', nspowner::regrole::text FROM pg_namespace WHERE nspname !~ '^pg_'
    """,
    "privilege": f"""
        SELECT 'relation', c.name, 'privilege', a.grantee::regrole || ' ' || a.privilege_type || ' ' || a.is_grantable
        FROM ({_CLASS}) c, aclexplode(coalesce(c.relacl, acldefault(
            CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a WHERE {_IS_RELATION}
        UNION ALL
        SELECT 'column', c.name || '.' || t.attname, 'privilege', a.grantee::regrole || ' ' || a.privilege_type
        FROM ({_CLASS}) c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
        UNION ALL
        SELECT 'function', p.name, 'privilege', a.grantee::regrole || ' ' || a.privilege_type || ' ' || a.is_grantable
        FROM ({_PROC}) p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        UNION ALL
        SELECT 'schema', nspname, 'privilege', a.grantee::regrole || ' ' || a.privilege_type
        FROM pg_namespace, aclexplode(nspacl) a WHERE nspname !~ '^pg_'
        UNION ALL
        SELECT 'default', coalesce(d.defaclnamespace::regnamespace::text, '') || d.defaclobjtype::text, 'privilege',
            d.defaclrole::regrole || ' ' || a.grantee::regrole || ' ' || a.privilege_type
        FROM pg_default_acl d, aclexplode(d.defaclacl) a
    """,
    # Which functions PUBLIC may not execute is an attribute too.
    "revoked": f"""
        SELECT 'function', p.name, 'revoked', 'PUBLIC' FROM ({_PROC}) p
        WHERE NOT EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
    """,
    "relation": f"""
        SELECT 'relation', name, 'option', unnest(reloptions) FROM ({_CLASS}) c
        UNION ALL SELECT 'relation', name, 'replica identity', relreplident::text FROM ({_CLASS}) c WHERE relkind = 'r'
        UNION ALL SELECT 'relation', name, 'row security', relrowsecurity::text FROM ({_CLASS}) c WHERE relkind = 'r'
        UNION ALL SELECT 'relation', name, 'exists', relkind::text FROM ({_CLASS}) c WHERE {_IS_RELATION}
    """,
    "column": f"""
        SELECT 'column', c.name || '.' || a.attname, x.attribute, x.value
        FROM ({_CLASS}) c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
            LATERAL (VALUES
            ('exists', 'yes'),
            ('statistics', nullif(to_jsonb(a)->>'attstattarget', '-1')),
            ('options', a.attoptions::text), ('compression', nullif(a.attcompression::text, ''))) x(attribute, value)
        WHERE c.relkind IN ('r', 'm') AND x.value IS NOT NULL
    """,
    "function": f"""
        SELECT 'function', name, x.attribute, x.value FROM ({_PROC}) p, LATERAL (VALUES
            ('exists', 'yes'), ('security definer', nullif(prosecdef, false)::text),
            ('cost', procost::text), ('parallel', proparallel::text), ('leakproof', proleakproof::text)
        ) x(attribute, value)
        WHERE x.value IS NOT NULL
        UNION ALL SELECT 'function', name, 'setting', unnest(proconfig) FROM ({_PROC}) p
    """,
    "part": f"""
        SELECT 'index', c.name || '.' || i.indexrelid::regclass, x.attribute, x.value
        FROM ({_CLASS}) c JOIN pg_index i ON i.indrelid = c.oid, LATERAL (VALUES
            ('definition', pg_get_indexdef(i.indexrelid)), ('clustered', nullif(i.indisclustered, false)::text)
        ) x(attribute, value) WHERE x.value IS NOT NULL
        UNION ALL SELECT 'constraint', c.name || '.' || o.conname, 'definition', pg_get_constraintdef(o.oid)
        FROM ({_CLASS}) c JOIN pg_constraint o ON o.conrelid = c.oid WHERE o.contype <> 'n'
        UNION ALL SELECT 'trigger', c.name || '.' || t.tgname, 'definition',
            t.tgenabled::text || pg_get_triggerdef(t.oid)
        FROM ({_CLASS}) c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
        UNION ALL SELECT 'rule', c.name || '.' || r.rulename, 'definition', pg_get_ruledef(r.oid)
        FROM ({_CLASS}) c JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
        UNION ALL SELECT 'policy', c.name || '.' || p.polname, 'definition',
            p.polcmd::text || coalesce(p.polqual::text, '')
        FROM ({_CLASS}) c JOIN pg_policy p ON p.polrelid = c.oid
        UNION ALL SELECT 'statistics', s.stxname, 'definition', pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s
        UNION ALL SELECT 'publication', p.pubname, 'table', r.prrelid::regclass::text
        FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        UNION ALL SELECT 'type', t.oid::regtype::text, 'exists', t.typtype::text FROM pg_type t
        JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^pg_' AND t.typtype IN ('d', 'e')
        AND n.nspname <> 'information_schema'
    """,
    "comment": """
        SELECT i.type, i.identity, 'comment', d.description FROM pg_description d,
            pg_identify_object(d.classoid, d.objoid, d.objsubid) i
        WHERE coalesce(i.schema, '') !~ '^pg_|^information_schema' AND i.type IN ('table', 'table column', 'view',
            'materialized view', 'function', 'index', 'trigger', 'table constraint', 'sequence', 'view column', 'type')
    """,
}


def read(keywords: Keywords) -> set[Attribute]:
    """Return the attributes of all objects outside PostgreSQL's own schemas."""
    with psycopg.connect(**keywords, options="-c search_path=public") as connection:
        return {Attribute(*row) for query in _QUERIES.values() for row in connection.execute(query.encode()).fetchall()}


def describe(attributes: Iterable[Attribute]) -> str:
    """Return the attributes, a line each."""
    return "\n".join(sorted(" ".join(one) for one in attributes))
