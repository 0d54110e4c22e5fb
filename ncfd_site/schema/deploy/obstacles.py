"""Obstacles to a run: owners and rights, forced row security, dependent objects; not the state of the schema.

All obstacles are found before anything is written, and named together with the statements that resolve them.
"""

from collections.abc import Iterable, Iterator, Sequence

from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import expected, known_drift, revisions
from ncfd_site.schema.deploy.compare import normalize_definition
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection, read_owner

# Objects by name, with their kind and owner.
_OTHER_OWNERS = """
    WITH objects (kind, name, owner) AS (
        SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
               format('public.%%I', c.relname), c.relowner
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND c.relname = ANY (%(names)s)
        UNION ALL
        SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
               format('public.%%I(%%s)', p.proname, pg_get_function_identity_arguments(p.oid)), p.proowner
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p') AND p.proname = ANY (%(names)s)
    )
    SELECT kind, name, pg_get_userbyid(owner) FROM objects
    WHERE NOT pg_has_role(%(owner)s, owner, 'USAGE') ORDER BY 1, 2
"""

_FORCED = """
    SELECT c.oid::regclass::text FROM pg_class c, pg_roles r
    WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity AND c.relforcerowsecurity
      AND c.relname = ANY (%s)
      AND r.rolname = %s AND NOT r.rolbypassrls AND NOT r.rolsuper ORDER BY 1
"""

# What depends on an object or column, the statement that drops it and, for views and triggers, the one that creates it.
_DEPENDENTS = """
    SELECT DISTINCT CASE r.rulename WHEN '_RETURN' THEN pg_describe_object('pg_class'::regclass, c.oid, 0)
                                    ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END,
           CASE d.classid
               WHEN 'pg_trigger'::regclass THEN format('DROP TRIGGER %%I ON %%s', t.tgname, t.tgrelid::regclass)
               WHEN 'pg_policy'::regclass THEN format('DROP POLICY %%I ON %%s', p.polname, p.polrelid::regclass)
               WHEN 'pg_proc'::regclass THEN format('DROP ROUTINE %%s', d.objid::regprocedure)
               WHEN 'pg_constraint'::regclass THEN
                   format('ALTER TABLE %%s DROP CONSTRAINT %%I', k.conrelid::regclass, k.conname)
               WHEN 'pg_publication_rel'::regclass THEN
                   format('ALTER PUBLICATION %%I DROP TABLE %%s', b.pubname, m.prrelid::regclass)
               ELSE CASE
                   WHEN r.rulename <> '_RETURN' THEN format('DROP RULE %%I ON %%s', r.rulename, r.ev_class::regclass)
                   WHEN c.relkind = 'm' THEN format('DROP MATERIALIZED VIEW %%s', c.oid::regclass)
                   ELSE format('DROP VIEW %%s', c.oid::regclass)
               END
           END,
           CASE
               WHEN t.oid IS NOT NULL THEN pg_get_triggerdef(t.oid)
               WHEN r.rulename = '_RETURN' AND c.relkind = 'm' THEN
                   format('CREATE MATERIALIZED VIEW %%s AS %%s', c.oid::regclass, rtrim(pg_get_viewdef(c.oid), ';'))
               WHEN r.rulename = '_RETURN' THEN
                   format('CREATE VIEW %%s AS %%s', c.oid::regclass, rtrim(pg_get_viewdef(c.oid), ';'))
           END
    FROM pg_depend d
    LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
    LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
    LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    LEFT JOIN pg_publication_rel m ON d.classid = 'pg_publication_rel'::regclass AND m.oid = d.objid
    LEFT JOIN pg_publication b ON b.oid = m.prpubid
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_class c ON c.oid = r.ev_class
    WHERE d.refclassid = %(class)s::regclass AND d.refobjid = %(object)s AND d.deptype = 'n'
      AND (%(column)s::text IS NULL OR d.refobjsubid = (SELECT attnum FROM pg_attribute
                                                        WHERE attrelid = %(object)s AND attname = %(column)s))
      AND d.classid IN ('pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass, 'pg_constraint'::regclass,
                        'pg_publication_rel'::regclass, 'pg_rewrite'::regclass)
      AND r.ev_class IS DISTINCT FROM %(object)s AND k.conrelid IS DISTINCT FROM %(object)s
      AND r.ev_class IS DISTINCT FROM to_regclass('public.v_company_tickers')
    ORDER BY 1
"""


def require_none(connection: Connection, found: Catalog | None, target: str | None) -> None:
    """Raise `MigrationError` with all obstacles to a run from the catalog `found` to a revision."""
    lines = retrying.retry_while_locked(lambda: list(_find_obstacles(connection, found or {}, target)))
    if lines:
        raise MigrationError(
            "The run cannot start; nothing was changed. Resolve this, then run the command again:\n"
            + "\n".join(f"  {line}" for line in lines),
            ExitCode.REFUSED,
        )


def _find_obstacles(connection: Connection, found: Catalog, target: str | None) -> Iterator[str]:
    owner, may_act = read_owner(connection)
    if owner is None:
        return
    catalogs = expected.read_catalogs(revisions.ids())
    kinds = ("relation", "function")
    names = sorted({name.partition("(")[0] for made in catalogs.values() for kind, name in made if kind in kinds})
    names += ["alembic_version", "alembic_migration_log"]
    yield from _find_missing_rights(connection, owner, may_act=may_act)
    for kind, name, other in connection.execute(_OTHER_OWNERS, {"names": names, "owner": owner}):
        yield f"{kind.lower()} {name} belongs to {other}, not to {owner}: ALTER {kind} {name} OWNER TO {_quote(owner)};"
    for (table,) in connection.execute(_FORCED, [names, owner]):
        yield (
            f"row security of {table} hides rows from its owner: ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; and"
            " FORCE it again after the run"
        )
    if target is not None:
        for replaced, dependents in _find_dependents(connection, found, catalogs[target]):
            for what, drop, create in dependents:
                again = f"{create};" if create else "create it again."
                yield f"{what} uses {replaced}, which is replaced: {drop}; After the run: {' '.join(again.split())}"


def _find_missing_rights(connection: Connection, owner: str, *, may_act: bool) -> Iterator[str]:
    row = connection.execute(
        "SELECT session_user, has_schema_privilege(%(owner)s, 'public', 'CREATE'), current_database(),"
        " has_database_privilege(%(owner)s, current_database(), 'TEMPORARY')",
        {"owner": owner},
    ).fetchone()
    user, may_create, database, may_use_temporary = row or ("", True, "", True)
    if not may_act:
        yield f"{user} may not act as {owner}, which owns the schema: GRANT {_quote(owner)} TO {_quote(user)};"
    if not may_create:
        yield f"{owner} may not create objects: GRANT CREATE ON SCHEMA public TO {_quote(owner)};"
    if not may_use_temporary:
        yield (
            f"{owner} may not create temporary objects, which revisions need:"
            f" GRANT TEMPORARY ON DATABASE {_quote(database)} TO {_quote(owner)};"
        )


def _find_dependents(
    connection: Connection, found: Catalog, wanted: Catalog
) -> Iterator[tuple[str, Iterable[Sequence[str]]]]:
    """Yield each object that the run drops, with the objects of others that depend on it."""

    def differs(kind: str, name: str, *, until: str | None = None) -> bool:
        ours, theirs = wanted.get((kind, name)), found.get((kind, name))
        if ours is None or theirs is None:
            return False
        parts = [normalize_definition(each.partition(until)[0] if until else each) for each in (ours, theirs)]
        return parts[0] != parts[1]

    for kind, name in wanted:
        if kind == "function" and differs(kind, name, until=" LANGUAGE "):
            yield f"function {name}", _read_dependents(connection, "pg_proc", f"public.{name}")
        elif kind == "column" and "GENERATED" in wanted[kind, name] and differs(kind, name):
            table, _, column = name.partition(".")
            # Later servers change the expression of a stored column in place.
            if connection.info.server_version < 170000 or "GENERATED" not in found[kind, name]:
                yield f"column {name}", _read_dependents(connection, "pg_class", f"public.{table}", column)
    views = {
        name.partition(".")[0]
        for kind, name in found
        if kind == "column"
        and "view" in wanted.get(("relation", name.partition(".")[0]), "")
        and ((kind, name) not in wanted or differs(kind, name, until=" DEFAULT "))
    }
    for view in sorted(views):
        yield f"view {view}", _read_dependents(connection, "pg_class", f"public.{view}")
    for drift in known_drift.recognize_known_drift(found, wanted)[1]:
        if drift.table_rewritten:
            yield (
                f"column {drift.table_rewritten}.security_id",
                _read_dependents(connection, "pg_class", f"public.{drift.table_rewritten}", "security_id"),
            )


def _read_dependents(connection: Connection, kind: str, name: str, column: str | None = None) -> list[Sequence[str]]:
    resolve = "to_regprocedure" if kind == "pg_proc" else "to_regclass"
    row = connection.execute(f"SELECT {resolve}(%s)::oid", [name]).fetchone()
    parameters = {"class": kind, "object": row[0] if row else None, "column": column}
    return connection.execute(_DEPENDENTS, parameters).fetchall()


def _quote(name: str) -> str:
    return sql.Identifier(name).as_string()
