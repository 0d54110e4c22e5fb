"""Normalized forms of asset names, and an asset's distinct names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ncfd_site.ingest.text import collapse_spaces, fold_text

# Name of the asset of links whose source names none.
UNSPECIFIED = "unspecified"

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_TRADE_MARKS = re.compile("[\u00ae\u2122\u2120]")
_EDGES = " .,;:"

_UNIT = (
    r"(?:mg|mcg|\u03bcg|ug|g|kg|ng|iu|miu|units?|u|ml|l|mmol|mol|meq|%|percent|ppm|mci|mbq|gbq|gy|pfu|vg|cells)"
    r"(?:/(?:kg|m2|ml|day|d|dose|h|hr|hour|min|week|actuation|puff|l|g|mg)\b)*"
)
_AMOUNT = rf"\d[\d,.]*(?: ?(?:-|to|/|x) ?\d[\d,.]*)? ?{_UNIT}(?!\w)"
_AMOUNTS = rf"{_AMOUNT}(?:(?:, ?(?:and |or )?| and | or | ?/ ?)(?:{_AMOUNT}|\d[\d,.]*))*"
_FREQUENCY = r"(?: (?:once|twice|three times|daily|qd|bid|tid))*"
_ONLY_AMOUNTS = re.compile(_AMOUNTS)
_STRENGTH = re.compile(
    rf"^{_AMOUNTS}(?: dose)?(?: of)?(?: the)? "
    rf"|[ ,]*\(\s*{_AMOUNTS}{_FREQUENCY}\s*\)$"
    rf"|[ ,]+(?:at )?{_AMOUNTS}{_FREQUENCY}$"
)
_FORM = re.compile(r"(?: film[- ]coated)?(?: oral)? (?:tablets?|capsules?)$")
_CODE = re.compile(r"[A-Z]{1,6}[- ]?\d{2,}[A-Z]?(?:-\d+)?")

_CODE_PARTS = re.compile(r"([a-z]{1,6})[- ]?(\d{2,}[a-z]?(?:-\d+)?)")


def normalize_name(name: str) -> str:
    """Return `name` in the form in which aliases are compared.

    Case, kinds of dash, trademark signs and repeated spaces are ignored.
    """
    return fold_text(_DASHES.sub("-", fold_text(_TRADE_MARKS.sub("", name)))).strip(_EDGES)


def compact_name(name: str) -> str:
    """Return the normalized name without dashes and spaces: equal for "AZD-1480", "AZD 1480" and "AZD1480"."""
    return re.sub(r"[\s-]+", "", normalize_name(name))


def list_spellings(norm: str) -> list[str]:
    """Return the forms in which aliases of a normalized name may be stored, itself first.

    Codes have a dash, a space or nothing before their number, and other programs store them in capitals.
    """
    forms = [norm, norm.replace("-", ""), norm.replace("-", " "), norm.replace(" ", "-")]
    if code := _CODE_PARTS.fullmatch(norm):
        forms += [f"{code[1]}{separator}{code[2]}" for separator in ("-", " ", "")]
    return list(dict.fromkeys([*forms, *(form.upper() for form in forms)]))


def extract_core_name(name: str) -> str:
    """Return the normalized name without strength and form: "metformin" for "Metformin 500 mg tablet".

    Empty if nothing else is left.
    """
    core = normalize_name(name)
    while (shorter := _FORM.sub("", _STRENGTH.sub("", core)).strip(_EDGES)) != core:
        core = shorter
    return "" if _ONLY_AMOUNTS.fullmatch(core) else core


def extract_display_name(name: str) -> str:
    """Return `name` as it was written, without the strength and form that `extract_core_name` drops."""
    core, shown = extract_core_name(name), collapse_spaces(_TRADE_MARKS.sub("", name)).strip(_EDGES)
    at = _DASHES.sub("-", shown).casefold().find(core)
    found = shown[at : at + len(core)] if at >= 0 else ""
    # Folding can change the letters and their number. Then only the normalized form can be shown.
    return found if normalize_name(found) == core else core


def guess_alias_type(name: str) -> str:
    """Return `code` for a name like a company's code ("BMS-986165"), otherwise `other`."""
    return "code" if _CODE.fullmatch(collapse_spaces(name)) else "other"


def list_distinct_names(names: Any, aliases: Iterable[str] = ()) -> list[str]:
    """Return each text in the JSON value `names` and in `aliases` once, in that order, ignoring case."""
    found: dict[str, str] = {}
    for name in (*_iter_nested_texts(names), *aliases):
        cleaned = collapse_spaces(name)
        if cleaned:
            found.setdefault(cleaned.casefold(), cleaned)
    return list(found.values())


def _iter_nested_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _iter_nested_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _iter_nested_texts(inner)
