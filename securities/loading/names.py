"""Normalization of company names for comparison."""

import re
import unicodedata

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


def normalize_company_name(name: str) -> str:
    """Return the name in lower case without accents, punctuation and legal form: "eli lilly" for "ELI LILLY & Co".

    Equal results mean equal spelling, not the same company. Never empty for a name with a letter or digit.
    """
    bare = name.strip()
    while (shorter := _SUFFIXES.sub("", bare).strip()) != bare and shorter:
        bare = shorter
    words = _words(bare)
    while words[:-1] and (ending := _ending(words)):
        words = words[:-ending]
    while words[1:] and words[0] == "the":
        words = words[1:]
    return " ".join(words)


def _ending(words: list[str]) -> int:
    """Return the number of words of a legal form at the end, also spelled apart as in "NOVO NORDISK A S"."""
    for count in (3, 2):
        last = words[-count:]
        if len(words) > count and all(len(word) == 1 for word in last) and "".join(last) in LEGAL_FORMS:
            return count
    return int(words[-1] in LEGAL_FORMS or words[-1] in _JOINS)


def _words(name: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", name.replace("\u2122", "").replace("&", " and ")).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter))
    return _SEPARATORS.sub(" ", _DROPPED.sub("", _INITIALS.sub(r"\1", plain))).split()
