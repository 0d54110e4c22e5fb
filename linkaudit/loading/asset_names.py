"""The names of assets: in the form in which they are compared, and without the strength and form around them."""

import re

from ncfd_site.ingest.text import collapse_spaces, fold_text

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_TRADE_MARKS = re.compile("[\u00ae\u2122\u2120]")
_EDGES = " .,;:"

_UNIT = (
    r"(?:mg|mcg|\u03bcg|ug|g|kg|ng|iu|miu|units?|u|ml|l|mmol|mol|meq|%|percent|ppm|mci|mbq|gbq|gy|pfu|vg|cells)"
    r"(?:/(?:kg|m2|ml|day|d|dose|h|hr|hour|min|week|actuation|puff|l|g|mg)\b)*"
)
_AMOUNT = rf"\d[\d,.]*(?: ?(?:-|to|/|x) ?\d[\d,.]*)? ?{_UNIT}(?!\w)"
_AMOUNTS = rf"{_AMOUNT}(?:(?:, ?(?:and |or )?| and | or | ?/ ?)(?:{_AMOUNT}|\d[\d,.]*))*"
_HOW_OFTEN = r"(?: (?:once|twice|three times|daily|qd|bid|tid))*"
_ONLY_AMOUNTS = re.compile(_AMOUNTS)
_STRENGTH = re.compile(
    rf"^{_AMOUNTS}(?: dose)?(?: of)?(?: the)? "
    rf"|[ ,]*\(\s*{_AMOUNTS}{_HOW_OFTEN}\s*\)$"
    rf"|[ ,]+(?:at )?{_AMOUNTS}{_HOW_OFTEN}$"
)
_FORM = re.compile(r"(?: film[- ]coated)?(?: oral)? (?:tablets?|capsules?)$")
_CODE = re.compile(r"[A-Z]{1,6}[- ]?\d{2,}[A-Z]?(?:-\d+)?")


def comparable(name: str) -> str:
    """A name in the form in which aliases are compared: case, kinds of dash, trade marks and blanks put aside."""
    return fold_text(_DASHES.sub("-", fold_text(_TRADE_MARKS.sub("", name)))).strip(_EDGES)


def core_name(name: str) -> str:
    """The comparable name without strength and plain form around it: "metformin" for "Metformin 500 mg tablet".

    Empty where nothing else is there.
    """
    core = comparable(name)
    while (shorter := _FORM.sub("", _STRENGTH.sub("", core)).strip(_EDGES)) != core:
        core = shorter
    return "" if _ONLY_AMOUNTS.fullmatch(core) else core


def display_name(name: str) -> str:
    """The name to show for an asset: as it was found, without what `core_name` leaves out."""
    core, shown = core_name(name), collapse_spaces(_TRADE_MARKS.sub("", name)).strip(_EDGES)
    at = _DASHES.sub("-", shown).casefold().find(core)
    found = shown[at : at + len(core)] if at >= 0 else ""
    # Folding may change letters and their number; then the comparable form is what can be shown.
    return found if comparable(found) == core else core


def alias_type(name: str) -> str:
    """`code` for what looks like a company's code, such as "BMS-986165"; else `other`: the registry does not say."""
    return "code" if _CODE.fullmatch(collapse_spaces(name)) else "other"
