"""SQL that repairs drift of owners and grants."""

import re
from collections.abc import Iterator

from psycopg import sql

from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import drift, expected, revisions
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.drift_tables import quote

_OPTION = " WITH GRANT OPTION"
_DEFAULT = re.compile(r"^new (?P<kind>[a-z ]+) of (?P<role>.+?)(?P<place> in public)?$")
# Targets that are not owned by the owner of the schema.
OTHERS_TARGETS = ("new ", "database ", "language ", "schema ")


def repair_owner(finding: Finding, owner: str) -> Iterator[str]:
    """Yield the statement that gives an object to the owner of the schema."""
    kind = "ROUTINE" if finding.name.endswith(")") else "TYPE" if finding.name.startswith("type ") else "TABLE"
    yield f"ALTER {kind} public.{finding.name.removeprefix('type ')} OWNER TO {quote(owner)}"


def repair_grant(finding: Finding, wanted: Catalog, owner: str) -> Iterator[str]:
    """Yield statements that revoke what is granted too much, and grant what is revoked."""
    target, _, grantee = finding.name.rpartition(" to ")
    default = _DEFAULT.match(target)
    if grantee == "its owner" and target.startswith(OTHERS_TARGETS) and not default:
        return
    role = "PUBLIC" if grantee == "PUBLIC" else quote(grantee)
    if grantee == "its owner":
        role = quote(default["role"] if default else owner)
    found, standard = (set(filter(None, (text or "").split(", "))) for text in (finding.found, finding.expected))
    for privilege in sorted(found - standard) + sorted(standard - found):
        gives = privilege.startswith("not ") == (privilege in found)
        plain = privilege.removeprefix("not ").removesuffix(_OPTION)
        # A grant that is no drift stays without its option.
        is_usual = privilege.endswith(_OPTION) and drift.is_usual_grant(
            finding.name, plain, expected.read_catalog(revisions.LIVE_HEAD)
        )
        verb = "GRANT" if gives else f"REVOKE GRANT OPTION FOR {plain}" if is_usual else "REVOKE"
        verb += "" if is_usual and not gives else f" {plain}"
        end = f"{'TO' if gives else 'FROM'} {role}"
        if default:
            place = " IN SCHEMA public" if default["place"] else ""
            yield (
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote(default['role'])}{place} {verb} ON {default['kind']} {end}"
            )
        elif target == "database":
            yield render_in_database(f"{verb} ON DATABASE %I {end}")
        else:
            yield f"{verb}{_name_target(target, wanted)} {end}"


def _name_target(target: str, wanted: Catalog) -> str:
    """Return the columns and the object of a grant, from the name that an attribute has for it."""
    table, _, column = target.partition(".")
    if target.endswith(")"):
        return f" ON ROUTINE public.{target}"
    if target.startswith(("language ", "schema ", "type ")):
        return f" ON {target}"
    if ("sequence", target) in wanted:
        return f" ON SEQUENCE public.{target}"
    return f"{f' ({quote(column)})' if column else ''} ON TABLE public.{table}"


def render_in_database(statement: str) -> str:
    """Return a statement about the current database, whose name is %I."""
    return f"DO $$ BEGIN EXECUTE format({sql.Literal(statement).as_string()}, current_database()); END $$"
