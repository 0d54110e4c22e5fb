"""Out-of-band table shapes of live databases that a revision repairs.

A database with such a shape is compared as if it were repaired already.
"""

import re
from dataclasses import dataclass

from ncfd_site.schema.catalog import Catalog


@dataclass(frozen=True)
class KnownDrift:
    """An out-of-band shape and the id of the last revision that repairs it.

    `table_rewritten` is the table that the repair rewrites, if any.
    """

    description: str
    repaired_by: str
    table_rewritten: str | None = None


_SECURITY_ID = ("column", "company_securities.security_id")
_NUMBER = re.compile(r"^(smallint|integer|bigint)\b")
_NEXT = re.compile(r"nextval\('(?:public\.)?(?P<sequence>\w+)'")
_PRIMARY_KEY = re.compile(r"^PRIMARY KEY \((\w+)\)$")


def recognize_known_drift(found: Catalog, wanted: Catalog) -> tuple[Catalog, tuple[KnownDrift, ...]]:
    """Return the catalog as repaired to match `wanted`, and the drift that is repaired."""
    result = dict(found)
    repairs = (_repair_integer_security, _repair_misnamed_reference, _repair_staging_key)
    return result, tuple(drift for repair in repairs if (drift := repair(result, wanted)))


def _repair_integer_security(found: Catalog, wanted: Catalog) -> KnownDrift | None:
    number = _NUMBER.match(found.get(_SECURITY_ID, ""))
    if not number:
        return None
    found[_SECURITY_ID] = _NUMBER.sub("text", found[_SECURITY_ID])
    # A number may reference a security; text cannot.
    keys = [key for key in found if key[0] == "constraint" and key[1].startswith("company_securities.")]
    dropped = [key for key in keys if found[key].startswith("FOREIGN KEY (security_id)")]
    for key in dropped:
        del found[key]
    return KnownDrift(
        f"company_securities.security_id is {number[0]}; it becomes text"
        + (" without its foreign key" if dropped else ""),
        "20250124_add_resolver_system_and_company_securities",
        "company_securities",
    )


def _repair_misnamed_reference(found: Catalog, wanted: Catalog) -> KnownDrift | None:
    columns = _list_columns(found, "storage_references")
    if "referenced_id" in columns or "reference_id" not in columns:
        return None
    keys = [
        match[1]
        for (kind, name), definition in found.items()
        if kind == "constraint"
        and name.startswith("storage_references.")
        and (match := _PRIMARY_KEY.match(definition))
        and match[1] != "reference_id"
    ]
    if len(keys) != 1:
        return None
    _rename(found, "storage_references", "reference_id", "referenced_id")
    _rename(found, "storage_references", keys[0], "reference_id")
    _name_sequence(found, "storage_references", "reference_id")
    return KnownDrift(
        f"storage_references calls referenced_id reference_id and its key {keys[0]}; both are renamed",
        "20250123_add_storage_objects_and_references",
    )


def _repair_staging_key(found: Catalog, wanted: Catalog) -> KnownDrift | None:
    here, there = _list_columns(found, "staging_errors"), _list_columns(wanted, "staging_errors")
    for name, right in (("error_id", "id"), ("id", "error_id")):
        if name in here and right not in here and right in there and name not in there:
            _rename(found, "staging_errors", name, right)
            _name_sequence(found, "staging_errors", right)
            return KnownDrift(f"the key of staging_errors is named {name}", "20250123_add_p_value_column")
    return None


def _list_columns(catalog: Catalog, table: str) -> set[str]:
    return {name.partition(".")[2] for kind, name in catalog if kind == "column" and name.startswith(f"{table}.")}


def _rename(catalog: Catalog, table: str, old: str, new: str) -> None:
    """Rename a column, also in its constraints, indexes and sequence."""
    word = re.compile(rf"\b{old}\b")
    for kind, name in list(catalog):
        definition = catalog[kind, name]
        belongs = (
            name.startswith(f"{table}.") or f" ON public.{table} " in definition or f" {table}.{old}" in definition
        )
        if belongs:
            del catalog[kind, name]
            is_column = (kind, name) == ("column", f"{table}.{old}")
            catalog[kind, f"{table}.{new}" if is_column else name] = word.sub(new, definition)


def _name_sequence(catalog: Catalog, table: str, column: str) -> None:
    """Rename the sequence of a column to the server's default name."""
    key, named = ("column", f"{table}.{column}"), f"{table}_{column}_seq"
    if drawn := _NEXT.search(catalog.get(key, "")):
        catalog[key] = catalog[key].replace(drawn["sequence"], named)
        if ("sequence", drawn["sequence"]) in catalog:
            catalog["sequence", named] = catalog.pop(("sequence", drawn["sequence"]))
