"""Find assets by name, and make those that nobody knows yet."""

from collections.abc import Iterable
from dataclasses import dataclass

from linkaudit.loading.asset_names import alias_type, comparable, core_name, display_name
from ncfd_site.core import sql
from ncfd_site.ingest.text import collapse_spaces

# The asset of links whose source names none.
UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True)
class _Owned:
    alias_norm: str
    asset_id: int


@dataclass(frozen=True, slots=True)
class _Added:
    asset_id: int
    name: str


@dataclass(frozen=True, slots=True)
class FoundAssets:
    """The asset of each name that was asked for, and how many of them had to be made."""

    by_name: dict[str, int]
    added: int


def find_or_add_assets(names: Iterable[str], source: str) -> FoundAssets:
    """One asset for each core name, inside the current transaction; every spelling becomes an alias of it.

    A name is looked up by its aliases, first as spelt, then without its strength. Where other programs gave several
    assets the same alias, the oldest counts.
    """
    asked = dict.fromkeys(names)
    owners = _owners({form for name in asked for form in (comparable(name), _core(name))})
    missing = {_core(name): name for name in reversed(asked) if _owner(name, owners) is None}
    # The first spelling in the order of the file names the asset.
    shown = {display_name(name) or collapse_spaces(name): core for core, name in reversed(missing.items())}
    added = sql.rows(
        "INSERT INTO assets (names_jsonb) SELECT jsonb_build_object('name', name)"
        " FROM unnest(%s::text[]) WITH ORDINALITY AS listed (name, place) ORDER BY place"
        " RETURNING asset_id, names_jsonb ->> 'name' AS name",
        [list(shown)],
        of=_Added,
    )
    owners |= {shown[asset.name]: asset.asset_id for asset in added}
    found = {name: owner for name in asked if (owner := _owner(name, owners)) is not None}
    _add_aliases(found, [(asset.asset_id, asset.name) for asset in added], source)
    return FoundAssets(found, len(added))


def _owners(forms: Iterable[str]) -> dict[str, int]:
    found = sql.rows(
        "SELECT alias_norm, min(asset_id) AS asset_id FROM asset_aliases WHERE alias_norm = ANY(%s) GROUP BY 1",
        [sorted(forms)],
        of=_Owned,
    )
    return {row.alias_norm: row.asset_id for row in found}


def _owner(name: str, owners: dict[str, int]) -> int | None:
    return owners.get(comparable(name), owners.get(_core(name)))


def _core(name: str) -> str:
    # What is nothing but a strength has no core; as a name of its own it stays what it is.
    return core_name(name) or comparable(name)


def _add_aliases(found: dict[str, int], added: list[tuple[int, str]], source: str) -> None:
    aliases = [*added, *((asset_id, collapse_spaces(name)) for name, asset_id in found.items())]
    columns = [
        [asset_id for asset_id, _ in aliases],
        [name for _, name in aliases],
        [comparable(name) for _, name in aliases],
        [alias_type(name) for _, name in aliases],
    ]
    # A name that the asset goes by already, as whatever kind of name, is not added once more.
    sql.execute(
        "INSERT INTO asset_aliases (asset_id, alias, alias_norm, alias_type, source)"
        " SELECT DISTINCT ON (asset_id, alias_norm) asset_id, alias, alias_norm, alias_type::asset_alias_type, %s"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY"
        " AS listed (asset_id, alias, alias_norm, alias_type, place)"
        " WHERE NOT EXISTS (SELECT FROM asset_aliases known"
        " WHERE known.asset_id = listed.asset_id AND known.alias_norm = listed.alias_norm)"
        " ORDER BY asset_id, alias_norm, place"
        " ON CONFLICT DO NOTHING",
        [source, *columns],
    )
