"""Assets by name: found by their aliases, or added."""

from collections.abc import Iterable
from dataclasses import dataclass

from linkaudit.asset_names import (
    compact_name,
    extract_core_name,
    extract_display_name,
    guess_alias_type,
    list_spellings,
    normalize_name,
)
from ncfd_site.core import sql
from ncfd_site.ingest.text import collapse_spaces

OWNERS = "SELECT alias_norm, min(asset_id) AS asset_id FROM asset_aliases WHERE alias_norm = ANY(%s) GROUP BY 1"
ADD_ASSETS = """
INSERT INTO assets (names_jsonb) SELECT jsonb_build_object('name', name)
FROM unnest(%s::text[]) WITH ORDINALITY AS listed (name, position) ORDER BY position
RETURNING asset_id, names_jsonb ->> 'name' AS name
"""
# An asset gets each name once, of any kind.
ADD_ALIASES = """
INSERT INTO asset_aliases (asset_id, alias, alias_norm, alias_type, source)
SELECT DISTINCT ON (asset_id, alias_norm) asset_id, alias, alias_norm, alias_type::asset_alias_type, %s
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
    AS listed (asset_id, alias, alias_norm, alias_type, position)
WHERE NOT EXISTS (SELECT FROM asset_aliases known
    WHERE known.asset_id = listed.asset_id AND known.alias_norm = listed.alias_norm)
ORDER BY asset_id, alias_norm, position
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Owner:
    alias_norm: str
    asset_id: int


@dataclass(frozen=True, slots=True)
class _Added:
    asset_id: int
    name: str


@dataclass(frozen=True, slots=True)
class FoundAssets:
    """The asset of each requested name, and the number of assets that were added."""

    by_name: dict[str, int]
    added: int


def find_or_add_assets(names: Iterable[str], source: str) -> FoundAssets:
    """Return one asset for each core name, adding missing ones; a new spelling becomes an alias.

    Runs inside the current transaction. A name is matched by its aliases, first as spelled, then without its strength;
    case, dashes and spaces do not count. If several assets have the same alias, the oldest is used.
    """
    # A name that is only a strength has no core and stays as it is.
    forms = {name: (normalize_name(name), extract_core_name(name) or normalize_name(name)) for name in names}
    spellings = {form: list_spellings(form) for pair in forms.values() for form in pair}
    wanted = sorted({spelling for listed in spellings.values() for spelling in listed})
    stored = {row.alias_norm: row.asset_id for row in sql.rows(OWNERS, [wanted], of=_Owner)}
    owners = {
        form: stored[match]
        for form, listed in spellings.items()
        if (match := next((spelling for spelling in listed if spelling in stored), None)) is not None
    }
    known = set(owners)
    missing = {
        compact_name(core): name for name, (spelled, core) in reversed(forms.items()) if not known & {spelled, core}
    }
    # The first spelling in the file names the asset.
    shown = {extract_display_name(name) or collapse_spaces(name): key for key, name in reversed(missing.items())}
    added = sql.rows(ADD_ASSETS, [list(shown)], of=_Added)
    new = {shown[asset.name]: asset.asset_id for asset in added}
    owned = {
        name: owners.get(spelled, owners.get(core, new.get(compact_name(core))))
        for name, (spelled, core) in forms.items()
    }
    found = {name: owner for name, owner in owned.items() if owner is not None}
    _add_aliases({name: owner for name, owner in found.items() if forms[name][0] not in known}, added, source)
    return FoundAssets(found, len(added))


def _add_aliases(found: dict[str, int], added: list[_Added], source: str) -> None:
    aliases = [(asset.asset_id, asset.name) for asset in added]
    aliases += [(asset_id, collapse_spaces(name)) for name, asset_id in found.items()]
    aliases = list({(asset_id, compact_name(name)): (asset_id, name) for asset_id, name in reversed(aliases)}.values())
    aliases.reverse()
    columns = [
        [asset_id for asset_id, _ in aliases],
        [name for _, name in aliases],
        [normalize_name(name) for _, name in aliases],
        [guess_alias_type(name) for _, name in aliases],
    ]
    sql.execute(ADD_ALIASES, [source, *columns])
