"""SQL that repairs drift: it restores definitions, access and options of the revision, and never deletes rows."""

import re
from collections.abc import Callable, Iterable, Iterator

from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import repair, session
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.drift import Drift

_DISABLED = " DISABLED OR REPLICA"
_COLUMN = re.compile(r"^(?P<type>.*?)(?P<null> NOT NULL)? DEFAULT (?P<default>.*)$", re.DOTALL)


def render_repair_sql(drift: Drift, wanted: Catalog) -> str:
    """Return the statements, each with the difference as a comment; of some differences only the comment."""
    text = ""
    replaced = {finding.relation for finding in drift.findings if finding.kind == "column"}
    for finding in drift.findings:
        kind = wanted.get(("relation", finding.relation), "")
        statements = list(_REPAIRS.get(finding.kind, _repair_nothing)(finding, kind, finding.relation in replaced))
        comment = f"{finding.kind} {finding.name} " + (
            "is missing" if finding.found is None else "is extra" if finding.expected is None else "differs"
        )
        text += f"-- {comment}{'' if statements else '; not repaired here: it may hold rows, or is yours to decide'}\n"
        text += "".join(map(session.render_statement, statements))
    return text


def _repair_nothing(finding: Finding, kind: str, has_other_columns: bool) -> Iterable[str]:
    return ()


def _repair_function(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    if finding.expected is None:
        return
    # Neither the result nor the names of arguments can be replaced.
    if finding.found and _extract_head(finding.found) != _extract_head(finding.expected):
        yield f"DROP FUNCTION public.{finding.name}"
    yield finding.expected


def _extract_head(definition: str) -> str:
    return definition.partition("\n LANGUAGE ")[0]


def _repair_view(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    if finding.expected is None:
        return
    query = finding.expected.strip().removesuffix(";")
    if finding.found and (kind != "view" or has_other_columns):
        yield f"DROP {kind.upper()} public.{finding.name}"
    create = "CREATE OR REPLACE VIEW" if kind == "view" else "CREATE MATERIALIZED VIEW"
    yield f"{create} public.{finding.name} AS\n{query}"


def _repair_trigger(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    name, _, table = finding.name.rpartition(" on ")
    if finding.found and finding.found.removesuffix(_DISABLED) == finding.expected:
        yield f"ALTER TABLE public.{table} ENABLE TRIGGER {name}"
        return
    if finding.found:
        yield f"DROP TRIGGER {name} ON public.{table}"
    if finding.expected:
        yield finding.expected


def _repair_index(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    if finding.found:
        yield f"DROP INDEX CONCURRENTLY public.{finding.name}"
    if finding.expected:
        yield from repair.list_statements(finding)


def _repair_constraint(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    table, _, name = finding.name.partition(".")
    if finding.found and not finding.is_unfinished:
        yield f"ALTER TABLE public.{table} DROP CONSTRAINT {name}"
    if finding.expected:
        yield from repair.list_statements(
            finding if finding.is_unfinished else Finding(finding.kind, finding.name, finding.expected, None)
        )


def _repair_column(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    parts = [_COLUMN.match(text or "") for text in (finding.expected, finding.found)]
    if kind != "table" or not (parts[0] and parts[1]) or parts[0]["type"] != parts[1]["type"]:
        return
    table, _, column = finding.name.partition(".")
    alter = f"ALTER TABLE public.{table} ALTER COLUMN {column}"
    if parts[0]["null"] != parts[1]["null"]:
        yield f"{alter} {'SET' if parts[0]['null'] else 'DROP'} NOT NULL"
    if parts[0]["default"] != parts[1]["default"]:
        default = parts[0]["default"]
        yield f"{alter} DROP DEFAULT" if default == "none" else f"{alter} SET DEFAULT {default}"


def _repair_relation(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    expected, found = finding.expected or "", finding.found or ""
    if found.startswith("table") and expected.startswith("table"):
        if "ROW SECURITY" in found and "ROW SECURITY" not in expected:
            yield f"ALTER TABLE public.{finding.name} DISABLE ROW LEVEL SECURITY"
        if "UNLOGGED" in found and "UNLOGGED" not in expected:
            yield f"ALTER TABLE public.{finding.name} SET LOGGED"


def _repair_part(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    """Rules and policies: no revision has one."""
    name, _, table = finding.name.rpartition(" on ")
    if name == "_RETURN":
        yield f'ALTER TABLE public.{table} ENABLE RULE "_RETURN"'
    else:
        yield f"DROP {finding.kind.upper()} {name} ON public.{table}"


def _repair_options(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    table, _, column = finding.name.partition(".")
    alter = f"ALTER {(kind or 'index').upper()} public.{table}" + (f" ALTER COLUMN {column}" if column else "")
    if finding.found:
        names = ", ".join(option.partition("=")[0] for option in finding.found.split(", "))
        yield f"{alter} RESET ({names})"
    if finding.expected:
        yield f"{alter} SET ({finding.expected})"


def _repair_owner(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    owner = (finding.found or "").rpartition(" instead of ")[2]
    what = "ROUTINE" if finding.name.endswith(")") else "TABLE"
    if owner and not finding.name.startswith("type "):
        yield f'ALTER {what} public.{finding.name} OWNER TO "{owner}"'


def _repair_grant(finding: Finding, kind: str, has_other_columns: bool) -> Iterator[str]:
    target, _, grantee = finding.name.rpartition(" to ")
    if grantee == "its owner" or target.startswith(("new ", "database", "language ", "type ")):
        return
    what = f"ROUTINE public.{target}" if target.endswith(")") else f"TABLE public.{target.partition('.')[0]}"
    if target == "schema public":
        what = "SCHEMA public"
    column = f" ({target.partition('.')[2]})" if "." in target and not target.endswith(")") else ""
    role = "PUBLIC" if grantee == "PUBLIC" else f'"{grantee}"'
    found, expected = (set(filter(None, (text or "").split(", "))) for text in (finding.found, finding.expected))
    for privilege in sorted(found - expected) + sorted(expected - found):
        # What is there too much is taken away; what was taken away is given again.
        gives = privilege.startswith("not ") == (privilege in found)
        plain = privilege.removeprefix("not ").removesuffix(" WITH GRANT OPTION")
        yield f"{'GRANT' if gives else 'REVOKE'} {plain}{column} ON {what} {'TO' if gives else 'FROM'} {role}"


_REPAIRS: dict[str, Callable[[Finding, str, bool], Iterable[str]]] = {
    "function": _repair_function,
    "view": _repair_view,
    "trigger": _repair_trigger,
    "index": _repair_index,
    "constraint": _repair_constraint,
    "column": _repair_column,
    "relation": _repair_relation,
    "rule": _repair_part,
    "policy": _repair_part,
    "options": _repair_options,
    "owner": _repair_owner,
    "grant": _repair_grant,
    "forced row security": lambda f, *_: [f"ALTER TABLE public.{f.name} NO FORCE ROW LEVEL SECURITY"],
    "population": lambda f, *_: [f"REFRESH MATERIALIZED VIEW public.{f.name}"],
    "foreign key triggers": lambda f, *_: [f"ALTER TABLE public.{f.name} ENABLE TRIGGER ALL"],
    "identity": lambda f, *_: [
        f"ALTER TABLE public.{f.relation} ALTER COLUMN {f.name.partition('.')[2]} SET {f.expected}"
        for _ in range(bool(f.found and f.expected))
    ],
    "statistics target": lambda f, *_: [
        f"ALTER TABLE public.{f.relation} ALTER COLUMN {f.name.partition('.')[2]} SET STATISTICS {f.expected or -1}"
    ],
    "cache": lambda f, *_: [f"ALTER SEQUENCE public.{f.name} CACHE {f.expected or 1}"],
}
