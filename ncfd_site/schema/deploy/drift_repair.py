"""SQL that repairs drift: it restores definitions, access and options of the revision, and never deletes rows.

A difference that no statement repairs has a comment with the next action. The statements are in the order in which they
need each other: types, tables and columns, routines and views, constraints, indexes, triggers, and what is attached.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import compare, drift_grants, drift_tables, repair, session
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.drift import Drift
from ncfd_site.schema.deploy.drift_tables import Target, quote

_DISABLED = " DISABLED OR REPLICA"
_SETTING = re.compile(r"^(?P<name>\S+) of the database(?: of role (?P<role>.+))?$")

# Kinds in the order of repair; the rest follows. The first are not for the owner of the schema to repair. A generated
# column is replaced like a routine.
_OTHERS_KINDS = ("setting", "cast", "owner", "grant of others")
_KINDS = (*_OTHERS_KINDS, "enum", "sequence", "relation", "column", "owned sequence", "generated column", "function",
          "view", "constraint", "index", "trigger")  # fmt: skip
_ACTIONS = {
    "enum": "a label cannot be dropped: leave it, and add --exclude {name} to --drift",
    "relation": "rename the {found}, and print this SQL again; then move its rows",
    "partition": "ALTER TABLE PARENT DETACH PARTITION public.{name};",
    "partitioning": "create a plain table, copy the rows, and exchange the names",
    "virtual": "drop the column, and print this SQL again",
}
_ANY_ACTION = "correct it as --drift shows it"


def render_repair_sql(drift: Drift, wanted: Catalog, attributes: Catalog, owner: str, become_owner: str) -> str:
    """Return the statements, each with the difference as a comment; of some differences the next action.

    `become_owner` is the statement with which the script acts as the owner.
    """
    columns = {each.relation for each in drift.findings if compare.is_view_column(each, wanted)}
    target = Target(wanted, attributes, owner, columns)
    ordered = sorted(_list_repaired(drift.findings, target), key=lambda each: _get_script_position(each, target))
    first = [each for each in ordered if each.kind in _OTHERS_KINDS]
    parts = [_render_script(first, target), become_owner, _render_script(ordered[len(first) :], target)]
    return "".join(parts) if ordered else ""


def _render_script(findings: Iterable[Finding], target: Target) -> str:
    text = ""
    for finding in findings:
        statements = list(_REPAIRS.get(finding.kind, _repair_nothing)(finding, target))
        change = "is missing" if finding.found is None else "is extra" if finding.expected is None else "differs"
        text += f"-- {finding.kind} {finding.name} {change}"
        if not statements:
            action = _ACTIONS.get(finding.kind, _ANY_ACTION).format(name=finding.name, found=finding.found)
            text += f"; next action: {action}"
        text += "\n" + "".join(map(session.render_statement, statements))
    return text


def _list_repaired(findings: Iterable[Finding], target: Target) -> Iterator[Finding]:
    """Yield the findings that have statements of their own, some by a kind of this module."""
    every = list(findings)
    created = {each.name for each in every if each.kind in ("relation", "column") and each.found is None}
    misplaced = {each.name for each in every if each.kind == "relation" and _is_misplaced(each)}
    for each in every:
        if each.relation in misplaced and each.kind != "relation":
            continue
        if each.name not in misplaced and _is_implied(each, created, target.wanted):
            continue
        if owner := _find_column_of_sequence(each):
            yield Finding("owned sequence", each.name, owner, None)
        kind = each.kind
        if kind == "column" and "GENERATED" in (each.expected or "") and each.found:
            kind = "generated column"
        elif kind == "grant" and each.name.startswith(drift_grants.OTHERS_TARGETS):
            kind = "grant of others"
        yield Finding(kind, each.name, each.expected, each.found)
    views = {each.name for each in every if each.kind == "view"}
    yield from (Finding("view", name, target.wanted["view", name], "") for name in sorted(target.reshaped - views))


def _is_misplaced(finding: Finding) -> bool:
    """Return True for a table in the place of a view, or the reverse."""
    expected, found = ((text or "").startswith("table") for text in (finding.expected, finding.found))
    return bool(finding.found) and expected != found


def _is_implied(finding: Finding, created: set[str], wanted: Catalog) -> bool:
    """Return True if the statements of another finding repair this one too."""
    if finding.kind == "column":
        return finding.relation in created or compare.is_view_column(finding, wanted)
    if finding.kind == "identity":
        return finding.relation in created or finding.name in created
    if finding.kind == "sequence":
        return " IDENTITY" in wanted.get(("column", _find_column_of_sequence(finding)), "")
    return finding.kind == "relation" and "view" in wanted.get(finding.key, "")


def _find_column_of_sequence(finding: Finding) -> str:
    """Return the column of a missing sequence."""
    is_missing = finding.kind == "sequence" and finding.found is None
    return (finding.expected or "").partition(" OWNED BY ")[2] if is_missing else ""


def _get_script_position(finding: Finding, target: Target) -> tuple[int, int]:
    place = _KINDS.index(finding.kind) if finding.kind in _KINDS else len(_KINDS)
    if finding.kind == "constraint":
        return place, repair.order(finding)[0]
    # A view follows those that it reads, and a materialized view those too.
    return place, _count_views_below(finding.name, target.wanted) if finding.kind == "view" else 0


def _count_views_below(view: str, wanted: Catalog) -> int:
    query = wanted.get(("view", view), "")
    below = [name for kind, name in wanted if kind == "view" and name != view and f"public.{name} " in f"{query} "]
    return max((1 + _count_views_below(name, wanted) for name in below), default=0)


def _repair_nothing(finding: Finding, target: Target) -> Iterable[str]:
    return ()


def _repair_setting(finding: Finding, target: Target) -> Iterator[str]:
    if setting := _SETTING.match(finding.name):
        role, name = setting["role"], setting["name"]
        change = f"ALTER ROLE {role} IN DATABASE %I RESET {name}" if role else f"ALTER DATABASE %I RESET {name}"
        yield drift_grants.render_in_database(change)


def _repair_function(finding: Finding, target: Target) -> Iterator[str]:
    name = f"public.{finding.name}"
    if finding.expected is None:
        yield f"DROP ROUTINE {name}"
    # Neither the result nor the names of arguments can be replaced.
    elif finding.found and _extract_head(finding.found) != _extract_head(finding.expected):
        yield drift_tables.replace(f"DROP ROUTINE {name};\n{finding.expected}")
    else:
        yield finding.expected


def _extract_head(definition: str) -> str:
    return definition.partition("\n LANGUAGE ")[0]


def _repair_view(finding: Finding, target: Target) -> Iterator[str]:
    name, query = finding.name, (finding.expected or "").strip().removesuffix(";")
    options = target.attributes.get(("options", name), "")
    if "materialized" in target.wanted["relation", name]:
        yield drift_tables.replace(f"SELECT pg_temp.replace_materialized_view('{name}', $view${query}$view$)")
    elif name in target.reshaped and finding.found is not None:
        yield drift_tables.replace(f"SELECT pg_temp.replace_view('{name}', $view${query}$view$)")
    else:
        yield f"CREATE OR REPLACE VIEW public.{name}{f' WITH ({options})' if options else ''} AS\n{query}"


def _repair_trigger(finding: Finding, target: Target) -> Iterator[str]:
    name, _, table = finding.name.rpartition(" on ")
    if finding.found and finding.found.removesuffix(_DISABLED) == finding.expected:
        yield f"ALTER TABLE public.{table} ENABLE TRIGGER {quote(name)}"
        return
    if finding.found:
        yield f"DROP TRIGGER {quote(name)} ON public.{table}"
    if finding.expected:
        yield finding.expected


def _repair_index(finding: Finding, target: Target) -> Iterator[str]:
    if finding.found:
        yield f"DROP INDEX CONCURRENTLY public.{quote(finding.name)}"
    if finding.expected:
        yield from repair.list_statements(finding)


def _repair_constraint(finding: Finding, target: Target) -> Iterator[str]:
    table, _, name = finding.name.partition(".")
    if finding.found and not finding.is_unfinished:
        yield f"ALTER TABLE public.{table} DROP CONSTRAINT {quote(name)}"
    if finding.expected:
        yield from repair.list_statements(
            finding if finding.is_unfinished else Finding(finding.kind, finding.name, finding.expected, None)
        )


def _repair_part(finding: Finding, target: Target) -> Iterator[str]:
    """Rules and policies: no revision has one."""
    name, _, table = finding.name.rpartition(" on ")
    if name == "_RETURN":
        yield f'ALTER TABLE public.{table} ENABLE RULE "_RETURN"'
    else:
        yield f"DROP {finding.kind.upper()} {quote(name)} ON public.{table}"


def _repair_options(finding: Finding, target: Target) -> Iterator[str]:
    table, _, column = finding.name.partition(".")
    kind = target.wanted.get(("relation", table), "index")
    alter = f"ALTER {kind.upper()} public.{table}" + (f" ALTER COLUMN {quote(column)}" if column else "")
    if finding.found:
        names = ", ".join(option.partition("=")[0] for option in finding.found.split(", "))
        yield f"{alter} RESET ({names})"
    if finding.expected:
        yield f"{alter} SET ({finding.expected})"


def _repair_identity(finding: Finding, target: Target) -> Iterator[str]:
    table, _, column = finding.name.partition(".")
    alter = f"ALTER TABLE public.{table} ALTER COLUMN {quote(column)}"
    if finding.found is None:
        yield f"{alter} ADD {finding.expected} AS IDENTITY"
        sequence = f"pg_get_serial_sequence('public.{table}', '{column}')"
        yield f"SELECT setval({sequence}, coalesce(max({quote(column)}), 0) + 1, false) FROM public.{table}"
    else:
        yield f"{alter} SET {finding.expected}" if finding.expected else f"{alter} DROP IDENTITY"


_REPAIRS: dict[str, Callable[[Finding, Target], Iterable[str]]] = {
    "setting": _repair_setting,
    "enum": drift_tables.repair_enum,
    "sequence": drift_tables.repair_sequence,
    "owned sequence": drift_tables.own_sequence,
    "relation": drift_tables.repair_relation,
    "column": drift_tables.repair_column,
    "generated column": drift_tables.repair_generated,
    "function": _repair_function,
    "view": _repair_view,
    "trigger": _repair_trigger,
    "index": _repair_index,
    "constraint": _repair_constraint,
    "rule": _repair_part,
    "policy": _repair_part,
    "options": _repair_options,
    "identity": _repair_identity,
    "owner": lambda f, target: drift_grants.repair_owner(f, target.owner),
    "grant": lambda f, target: drift_grants.repair_grant(f, target.wanted, target.owner),
    "grant of others": lambda f, target: drift_grants.repair_grant(f, target.wanted, target.owner),
    "forced row security": lambda f, _: [f"ALTER TABLE public.{f.name} NO FORCE ROW LEVEL SECURITY"],
    "population": lambda f, _: [f"REFRESH MATERIALIZED VIEW public.{f.name}"],
    "foreign key triggers": lambda f, _: [f"ALTER TABLE public.{f.name} ENABLE TRIGGER ALL"],
    "inheritance": lambda f, _: [f"ALTER TABLE {f.name} NO INHERIT public.{(f.found or '').rpartition(' of ')[2]}"],
    "not null": lambda f, _: [f"ALTER TABLE public.{f.relation} VALIDATE CONSTRAINT {quote(f.name.partition('.')[2])}"],
    "access method": lambda f, _: [f"ALTER TABLE public.{f.name} SET ACCESS METHOD heap"],
    "type of rows": lambda f, _: [f"ALTER TABLE public.{f.name} NOT OF"],
    "persistence": lambda f, _: [f"ALTER SEQUENCE public.{f.name} SET LOGGED"],
    "cast": lambda f, _: [f"DROP CAST {f.name}"],
    "statistics target": lambda f, _: [
        (
            f"ALTER TABLE public.{f.relation} ALTER COLUMN {quote(f.name.partition('.')[2])}"
            f" SET STATISTICS {f.expected or -1}"
        )
    ],
    "cache": lambda f, _: [f"ALTER SEQUENCE public.{f.name} CACHE {f.expected or 1}"],
}
