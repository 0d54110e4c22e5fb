"""What a database holds in schema public, object by object, and what it should hold at a revision.

What it should hold is `schema/expected.json`: each object with the revisions since when and until when it is there.
It is generated, and a test holds it against the revisions. Definitions are compared without casts, parentheses and
white space, in which servers of different versions differ.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ncfd_site.schema.deploy import retrying, revisions
from ncfd_site.schema.deploy.owners import OF_DJANGO
from ncfd_site.schema.deploy.session import Connection

EXPECTED = revisions.SCHEMA_FOLDER / "expected.json"

# An object may be there or not, and look either way, as the server offers an extension or not.
_DEPENDS_ON_EXTENSIONS = (
    "idx_company_aliases_alias_trgm",
    "ix_resolver_decisions_sponsor_norm_trgm",
    "ex_no_overlap_ticker",
    "ticker_range",
)

# Relations that are neither Django's, nor an extension's, nor the bookkeeping of migration.
_OURS = (
    f"c.relname !~ '{OF_DJANGO}' AND c.relname NOT IN ('alembic_version', 'alembic_migration_log')"
    " AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = c.oid AND x.deptype = 'e')"
)

_QUERIES = {
    "relation": f"""
        SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END
               || CASE WHEN c.relpersistence = 'u' THEN ' UNLOGGED' ELSE '' END
               || CASE WHEN c.relrowsecurity THEN ' ROW SECURITY' ELSE '' END
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND {_OURS}""",
    "column": f"""
        SELECT c.relname || '.' || a.attname,
               format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN ' COLLATE ' || a.attcollation::regcollation
                       ELSE '' END
               || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
               || CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE '' END
               || CASE WHEN a.attgenerated <> '' THEN ' GENERATED ' ELSE ' DEFAULT ' END
               || coalesce(pg_get_expr(d.adbin, d.adrelid), 'none')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND a.attnum > 0 AND NOT a.attisdropped AND {_OURS}""",
    "constraint": f"""
        SELECT c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('c', 'f', 'p', 'u', 'x') AND {_OURS}""",
    "index": f"""
        SELECT i.relname, pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' INVALID' END
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND {_OURS}
          AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)""",
    "enum": """
        SELECT t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
        WHERE t.typnamespace = 'public'::regnamespace GROUP BY 1""",
    "function": """
        SELECT p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
               pg_get_function_arguments(p.oid) || coalesce(' RETURNS ' || pg_get_function_result(p.oid), ' PROCEDURE')
               || ' LANGUAGE ' || l.lanname || ' VOLATILITY ' || p.provolatile::text
               || CASE WHEN p.proisstrict THEN ' STRICT' ELSE '' END
               || CASE WHEN p.prosecdef THEN ' SECURITY DEFINER' ELSE '' END
               || coalesce(' SET ' || array_to_string(p.proconfig, ', '), '')
               || ' BODY ' || md5(p.prosrc)
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.deptype IN ('e', 'i'))""",
    "trigger": f"""
        SELECT t.tgname || ' on ' || c.relname,
               pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' DISABLED OR REPLICA' END
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND {_OURS}""",
    "sequence": f"""
        SELECT c.relname, format_type(s.seqtypid, NULL) || ' START ' || s.seqstart || ' INCREMENT ' || s.seqincrement
               || ' MINVALUE ' || s.seqmin || ' MAXVALUE ' || s.seqmax || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END
               || coalesce(' OWNED BY ' || o.relname || '.' || a.attname, '')
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
        LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                             AND d.refclassid = 'pg_class'::regclass
        LEFT JOIN pg_class o ON o.oid = d.refobjid
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE c.relnamespace = 'public'::regnamespace AND {_OURS}
          AND coalesce(o.relname, '') !~ '{OF_DJANGO}'
          AND coalesce(o.relname, '') <> 'alembic_migration_log'""",
    "view": f"""
        SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm') AND {_OURS}""",
}


# Kind and name of an object; objects of a table are named TABLE.NAME.
Key = tuple[str, str]
Catalog = dict[Key, str]
# A definition that consecutive revisions share: `since` is the first of them, `until` the first revision without it.
Entry = TypedDict("Entry", {"kind": str, "name": str, "is": str, "since": str, "until": str | None})


def read(connection: Connection, patience: float = retrying.PATIENCE) -> Catalog:
    """Read what schema public holds: definitions by kind and name. Waits `patience` seconds for locked tables."""
    # The server looks at the tables below a view to write it out, and waits for whoever has one to himself.
    return retrying.until_unlocked(lambda: _read(connection), patience)


def _read(connection: Connection) -> Catalog:
    with connection.transaction(force_rollback=True):
        # Under this path the server writes every name of ours with its schema, whatever the session had set.
        connection.execute("SET LOCAL search_path = pg_catalog")
        return {
            (kind, str(name)): str(definition)
            for kind, query in _QUERIES.items()
            for name, definition in connection.execute(query).fetchall()
            if not any(optional in name for optional in _DEPENDS_ON_EXTENSIONS)
        }


def expected(revision: str) -> Catalog:
    """What schema public should hold at a revision."""
    return expected_of([revision])[revision]


def expected_of(wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs that schema public should have at some revisions."""
    return unfold(json.loads(EXPECTED.read_text(encoding="utf-8")), wanted)


def fold(catalogs: Mapping[str, Catalog]) -> list[Entry]:
    """Fold the catalogs of consecutive revisions into one entry for each definition, with its revisions."""
    entries: list[Entry] = []
    open_entries: dict[Key, Entry] = {}
    for revision, catalog in catalogs.items():
        for key in [key for key, entry in open_entries.items() if catalog.get(key) != entry["is"]]:
            open_entries.pop(key)["until"] = revision
        for key in sorted(catalog.keys() - open_entries.keys()):
            entry: Entry = {"kind": key[0], "name": key[1], "is": catalog[key], "since": revision, "until": None}
            entries.append(entry)
            open_entries[key] = entry
    return entries


def unfold(entries: Sequence[Entry], wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs of some revisions from the entries of `fold`."""
    order = {revision: place for place, revision in enumerate(revisions.ids())}
    made: dict[str, Catalog] = {revision: {} for revision in wanted}
    for entry in entries:
        since, until = order[entry["since"]], order.get(entry["until"] or "", len(order))
        for revision in wanted:
            if since <= order[revision] < until:
                made[revision][entry["kind"], entry["name"]] = entry["is"]
    return made


def bare(definition: str) -> str:
    """A definition without what servers of different versions spell differently.

    That is casts, parentheses, white space, and the table before the name of a column.
    """
    return re.sub(r"::[a-z ]+(\(\d+\))?(\[\])?|\b[a-z_]+\.(?=[a-z_\"])|[()\s]", "", definition)
