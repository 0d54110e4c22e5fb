"""The database roles of site, pipelines and readers: their rights, and the statements that grant and revoke them.

The owner of the tables deploys. No other role owns anything, so that none can change tables or disable triggers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import psycopg
from django.apps import apps
from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import expected, revisions
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

_READ = frozenset({"SELECT"})
_WRITE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_SEQUENCE = frozenset({"SELECT", "USAGE"})
_BOOKKEEPING = frozenset({"alembic_version", "alembic_migration_log", "django_migrations"})
# Hashes of tokens, which only the site needs.
_PRIVATE = frozenset({"site_api_tokens"})
_REFRESH = "public.refresh_active_us_securities()"

# What each role may do with each relation, and whether it was granted that directly. A sequence counts as its table.
_RIGHTS = """
    SELECT r.rolname, CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname,
        coalesce(t.relname, c.relname), p.privilege,
        CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(r.oid, c.oid, p.privilege)
             ELSE has_table_privilege(r.oid, c.oid, p.privilege) END,
        EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = r.oid AND a.privilege_type = p.privilege)
    FROM pg_class c
    LEFT JOIN pg_depend d ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_class t ON t.oid = d.refobjid
    CROSS JOIN pg_roles r
    CROSS JOIN unnest(CASE WHEN c.relkind = 'S' THEN ARRAY['SELECT', 'USAGE'] ELSE
        ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] END) AS p (privilege)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND r.rolname = ANY (%s)
    ORDER BY 1, 2, 3, 5
"""


@dataclass(frozen=True, slots=True)
class RoleNames:
    """Names of the roles in the database."""

    site: str
    pipeline: str
    reader: str


def grant_roles(connection: Connection, names: RoleNames) -> list[str]:
    """Create missing roles, grant what they need and revoke what they were granted beyond it; return the statements.

    Works in the transaction of the caller, as the owner of the tables or a member of it. Raises `MigrationError` if a
    role keeps more rights than it should have, through PUBLIC or another role.
    """
    connection.execute("RESET ROLE")
    statements = list(_execute(connection, _create_roles(connection, names)))
    wanted = _read_wanted_rights(names)
    statements += _execute(connection, _change_rights(connection, wanted))
    statements += _execute(connection, _grant_the_rest(connection, names))
    _require_no_more(connection, wanted)
    return statements


def _create_roles(connection: Connection, names: RoleNames) -> Iterator[sql.Composed]:
    """Yield what creates the roles, and marks them: grants to a marked role are no drift."""
    present = dict(connection.execute("SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles").fetchall())
    for role, name in asdict(names).items():
        if name not in present:
            yield sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name))
        if present.get(name) != f"ncfd: {role}":
            yield sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(name), sql.Literal(f"ncfd: {role}"))


def _read_wanted_rights(names: RoleNames) -> dict[str, dict[str, frozenset[str]]]:
    """Return the privileges by role and relation; a role has none on the others."""
    eighth, head = expected.read_catalogs([revisions.LIVE_HEAD, revisions.head()]).values()
    contract = {name for kind, name in eighth if kind == "relation"}
    relations = {name for kind, name in head if kind == "relation"}
    views = {name for kind, name in head if kind == "view"}
    libraries = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} | {"django_migrations"}
    writable = (relations | libraries) - views - _BOOKKEEPING
    shown = dict.fromkeys(relations - _PRIVATE, _READ)
    return {
        names.site: {**shown, **dict.fromkeys(_BOOKKEEPING, _READ), **dict.fromkeys(writable, _WRITE)},
        names.pipeline: {**shown, **dict.fromkeys(contract - views - _BOOKKEEPING, _WRITE)},
        names.reader: shown,
    }


def _change_rights(
    connection: Connection, wanted: Mapping[str, Mapping[str, frozenset[str]]]
) -> Iterator[sql.Composed]:
    """Yield grants of missing privileges and revocations of granted ones, one for all relations of equal privileges."""
    changes: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for role, kind, name, table, privilege, has, is_granted in connection.execute(_RIGHTS, [list(wanted)]):
        is_wanted = privilege in _list_privileges(kind, wanted[role].get(table, frozenset()))
        if is_wanted and not has:
            changes[role, "GRANT", kind, name].append(privilege)
        if is_granted and not is_wanted:
            changes[role, "REVOKE", kind, name].append(privilege)
    groups: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for (role, verb, kind, name), privileges in changes.items():
        groups[role, verb, kind, ", ".join(privileges)].append(name)
    for (role, verb, kind, listed), relations in groups.items():
        yield sql.SQL("{} {} ON {} {} {} {}").format(
            sql.SQL(verb),
            sql.SQL(listed),
            sql.SQL(kind),
            sql.SQL(", ").join(sql.Identifier("public", name) for name in relations),
            sql.SQL("TO" if verb == "GRANT" else "FROM"),
            sql.Identifier(role),
        )


def _list_privileges(kind: str, privileges: frozenset[str]) -> frozenset[str]:
    if kind == "SEQUENCE":
        return _SEQUENCE if "INSERT" in privileges else frozenset(privileges & _READ)
    return privileges


def _grant_the_rest(connection: Connection, names: RoleNames) -> Iterator[sql.Composed]:
    """Yield grants on the schema, the database and the function that refreshes the view of active securities."""
    schema: sql.Composable = sql.SQL("SCHEMA public")
    database = sql.SQL("DATABASE {}").format(sql.Identifier(connection.info.dbname))
    for role in (names.site, names.pipeline, names.reader):
        needs = [
            ("USAGE", "has_schema_privilege(%s, 'public', %s)", schema),
            ("CONNECT", "has_database_privilege(%s, current_database(), %s)", database),
        ]
        if role != names.reader:
            needs += [("TEMPORARY", "has_database_privilege(%s, current_database(), %s)", database)]
            needs += [("EXECUTE", f"has_function_privilege(%s, '{_REFRESH}', %s)", sql.SQL("FUNCTION " + _REFRESH))]
        for privilege, question, target in needs:
            if connection.execute(f"SELECT {question}", [role, privilege]).fetchone() == (False,):
                yield sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privilege), target, sql.Identifier(role))


def _execute(connection: Connection, statements: Iterator[sql.Composed]) -> Iterator[str]:
    for statement in list(statements):
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationError(
                f"The database user may not do this: {error.diag.message_primary}. Run the command as a superuser, or "
                "as the owner of the tables with the attribute CREATEROLE.",
                ExitCode.UNUSABLE_CONNECTION,
            ) from None
        yield statement.as_string(connection)


def _require_no_more(connection: Connection, wanted: Mapping[str, Mapping[str, frozenset[str]]]) -> None:
    """Raise `MigrationError` if a role still has rights that it should not have."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for role, kind, name, table, privilege, has, _ in connection.execute(_RIGHTS, [list(wanted)]):
        if has and privilege not in _list_privileges(kind, wanted[role].get(table, frozenset())):
            found[role].append(f"{privilege} on {name}")
    if found:
        listed = "; ".join(f"{role}: {', '.join(rights[:3])}" for role, rights in found.items())
        raise MigrationError(
            f"Some roles have more rights than they should have, through PUBLIC, another role or ownership ({listed}). "
            "Revoke these, or give other names, and run the command again.",
            ExitCode.REFUSED,
        )
