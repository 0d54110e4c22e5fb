"""Attributes that users give to objects: grants, comments, options, indexes, constraints, statistics, triggers.

Revisions put these back when they replace an object (`pg_temp.put_back`). What cannot be put back needs consent, and a
run compares everything before and after.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying, source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import compare
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection, read_owner

_QUERY = (source.HELPERS.parent / "attributes.sql").read_text(encoding="utf-8")

_STUDY_CARD = "public.enforce_pivotal_study_card()"
_STUDY_CARD_TRIGGER = "TRIGGER trg_enforce_pivotal_study_card"
# What revisions drop: a key that references securities as a number, because the column becomes text, for which the plan
# has a line; and a constraint of a column that is gone.
_DROPPED = ("FOREIGN KEY (security_id) REFERENCES public.securities", "ADD CONSTRAINT ck_site_jobs_lease ")


_VIEW_COLUMNS = """
    SELECT c.oid::bigint, a.attnum::integer, c.relname, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Attribute:
    """A facet of an object, and the statement that creates it."""

    object: tuple[int, int, int]
    facet: str
    line: str


def read_attributes(connection: Connection) -> list[Attribute]:
    """Return the attributes of all objects in schema public."""

    def read() -> list[Attribute]:
        with connection.transaction(force_rollback=True):
            # With this path the server writes every name of ours with its schema.
            connection.execute("SET LOCAL search_path = pg_catalog")
            return [Attribute((row[0], row[1], row[2]), row[3], row[4]) for row in connection.execute(_QUERY)]

    return retrying.retry_while_locked(read)


def find_lost(before: Sequence[Attribute], after: Sequence[Attribute]) -> list[str]:
    """Return the statements of attributes that are gone.

    An attribute that was only renamed, with its object or column, is still there.
    """
    left = {(each.object, each.facet) for each in after}
    # A view under the name of a materialized view is replaced by that.
    lines = {each.line.replace("MATERIALIZED ", "") for each in after}
    return [
        each.line
        for each in before
        if (each.object, each.facet) not in left
        and each.line.replace("MATERIALIZED ", "") not in lines
        and not _is_intended(each, left)
    ]


def _is_intended(attribute: Attribute, left: set[tuple[tuple[int, int, int], str]]) -> bool:
    # Only its owner may execute a trigger function that runs with the owner's rights.
    is_restricted = attribute.facet == "grant EXECUTE to 0" and (attribute.object, "option") in left
    return is_restricted or any(dropped in attribute.line for dropped in _DROPPED)


def find_unrestorable(connection: Connection, wanted: Catalog) -> list[str]:
    """Return descriptions of what the replacement of outdated definitions cannot put back."""
    owner, _ = read_owner(connection)
    superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [owner]).fetchone()
    functions = tuple(f"FUNCTION public.{name.partition('(')[0]}(" for kind, name in wanted if kind == "function")
    columns = {(oid, number): f"{view}.{name}" for oid, number, view, name in connection.execute(_VIEW_COLUMNS)}
    result = []
    for each in read_attributes(connection):
        statement, is_ours = each.line, each.line.startswith(tuple(f"ALTER {function}" for function in functions))
        if each.facet == "option leakproof" and is_ours and superuser != (True,):
            result.append(f"{statement} (only a superuser may)")
        elif each.facet == "option search_path" and _STUDY_CARD in statement and "pg_temp" not in statement:
            result.append(f"{statement} (the path is set by {compare.REPLACING_REVISION})")
        elif each.facet == "state" and statement.endswith(_STUDY_CARD_TRIGGER):
            result.append(f"{statement} (the trigger is enabled)")
        elif each.object[2] and _is_dropped(columns.get(each.object[1:], ""), wanted):
            result.append(f"{statement} (the view has no such column any more)")
    return result


def _is_dropped(column: str, wanted: Catalog) -> bool:
    return ("relation", column.partition(".")[0]) in wanted and ("column", column) not in wanted


def require_consent(lost: Sequence[str], allow_destructive: Sequence[str]) -> None:
    """Raise `MigrationError` if the replacement loses something without consent."""
    if lost and compare.REPLACING_REVISION not in allow_destructive:
        lines = "".join(f"\n  {each}" for each in lost)
        raise MigrationError(
            f"Refused; nothing was changed. {compare.REPLACING_REVISION} replaces outdated definitions and cannot put"
            f" back:{lines}\nTo consent: --allow-destructive {compare.REPLACING_REVISION}",
            ExitCode.CONSENT_NEEDED,
        )
