"""Company names: normalization, and the company of a name."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from ncfd_site.core import sql

# Legal forms without dots ("S.p.A." is "spa"). Not "Holdings" and "Group": a holding and its subsidiary are two
# companies.
_FORMS = (
    "inc incorporated corp corporation co company companies ltd limited llc llp lp lllp plc pc pbc ulc ag sa se nv bv"
    " ab asa as oyj aps gmbh kgaa kg spa srl sarl sas sl kk pty pte bhd sab sapi cv adr"
)
LEGAL_FORMS = frozenset(_FORMS.split())
# Words that join a name to its legal form.
_JOINS = frozenset({"and", "de"})
# Suffixes by which the SEC distinguishes names: state, country, "NEW", "ADR" ("BANK OF AMERICA CORP /DE/").
_SUFFIXES = re.compile(r"[/\\]\s*[A-Za-z]{2,4}\s*(?:[/\\]\s*|$)(?=$|[/\\])|[/\\]\s*$")
_INITIALS = re.compile(r"\b(\w)\.(?=\w\b)")
_DROPPED = re.compile(r"['\u2019`.\u00b7\u00ae\u2122]")
_SEPARATORS = re.compile(r"[\W_]+")
# Alias types that are names of the company itself.
_OWN_NAMES = ("former_name", "legal", "aka", "dba")


def normalize_company_name(name: str) -> str:
    """Return the name in lower case without accents, punctuation and legal form: "eli lilly" for "ELI LILLY & Co".

    Equal results mean equal spelling, not the same company. Never empty for a name with a letter or digit.
    """
    bare = name.strip()
    while (shorter := _SUFFIXES.sub("", bare).strip()) != bare and shorter:
        bare = shorter
    folded = unicodedata.normalize("NFKD", bare.replace("\u2122", "").replace("&", " and ")).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter))
    words = _SEPARATORS.sub(" ", _DROPPED.sub("", _INITIALS.sub(r"\1", plain))).split()
    while words[:-1] and (ending := _count_legal_form_words(words)):
        words = words[:-ending]
    while words[1:] and words[0] == "the":
        words = words[1:]
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class _Name:
    company_id: int
    name: str


def load_company_names() -> Mapping[str, int | None]:
    """Return the company ID of every normalized company name; None for a name of several companies.

    Memory grows with the number of companies.
    """
    rows = sql.rows(
        "SELECT company_id, name::text AS name FROM companies"
        " UNION SELECT company_id, alias FROM company_aliases WHERE alias_type::text = ANY(%s)",
        [list(_OWN_NAMES)],
        of=_Name,
    )
    companies: dict[str, int | None] = {}
    for row in rows:
        key = normalize_company_name(row.name)
        if key:
            companies[key] = row.company_id if companies.get(key, row.company_id) == row.company_id else None
    return companies


def match_company(names: Mapping[str, int | None], sponsor: str | None) -> int | None:
    """Return the only company with that name, or None."""
    key = normalize_company_name(sponsor) if sponsor else ""
    return names.get(key) if key else None


def _count_legal_form_words(words: list[str]) -> int:
    """Return the number of words of a legal form at the end, also spelled apart as in "NOVO NORDISK A S"."""
    for count in (3, 2):
        last = words[-count:]
        if len(words) > count and all(len(word) == 1 for word in last) and "".join(last) in LEGAL_FORMS:
            return count
    return int(words[-1] in LEGAL_FORMS or words[-1] in _JOINS)
