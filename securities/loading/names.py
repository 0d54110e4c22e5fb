"""Normalization of company names, and their legal forms."""

import re
import unicodedata

# Legal forms without dots ("S.p.A." is "spa"). Not "Holdings" and "Group": a holding and its subsidiary are two
# companies.
_FORMS = (
    "inc incorporated corp corporation co company companies ltd limited llc llp lp lllp plc pc pbc ulc ag sa se nv bv"
    " ab asa as oyj aps gmbh kgaa kg spa srl sarl sas sl kk gk bvba ltda uc pty pte bhd sab sapi cv adr"
    " aktiengesellschaft public"
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
    folded = unicodedata.normalize("NFKD", bare.replace("\u2122", "").replace("&", " and ")).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter))
    words = _SEPARATORS.sub(" ", _DROPPED.sub("", _INITIALS.sub(r"\1", plain))).split()
    while words[:-1] and (ending := _count_legal_form_words(words)):
        words = words[:-ending]
    while words[1:] and words[0] == "the":
        words = words[1:]
    return " ".join(words)


def read_legal_form(name: str) -> str:
    """Return the last word of the legal form without dots, in lower case: "ag" for "Gaia AG"; "" without one."""
    bare = unicodedata.normalize("NFKD", _SUFFIXES.sub("", name.strip())).encode("ascii", "ignore").decode()
    words = _SEPARATORS.sub(" ", _DROPPED.sub("", _INITIALS.sub(r"\1", bare)).casefold()).split()
    joined = next(("".join(words[-n:]) for n in (3, 2) if len(words) > n and all(len(w) == 1 for w in words[-n:])), "")
    last = joined if joined in LEGAL_FORMS else words[-1] if words[1:] else ""
    if "public" in words[-3:] and last in ("co", "ltd", "limited"):
        return "plc"
    return last if last in LEGAL_FORMS else ""


def _count_legal_form_words(words: list[str]) -> int:
    """Return the number of words of a legal form at the end, also spelled apart as in "NOVO NORDISK A S"."""
    for count in (3, 2):
        last = words[-count:]
        if len(words) > count and all(len(word) == 1 for word in last) and "".join(last) in LEGAL_FORMS:
            return count
    return int(words[-1] in LEGAL_FORMS or words[-1] in _JOINS)
