"""Company names in the form in which they are compared."""

import re
import unicodedata

# Legal forms, as the words are once dots are gone ("S.p.A." is "spa"). They stand at the end of a name and say what
# a company is, not which. "Holdings" and "Group" are not here: a holding and its subsidiary are two companies.
_FORMS = (
    "inc incorporated corp corporation co company companies ltd limited llc llp lp lllp plc pc pbc ulc ag sa se nv bv"
    " ab asa as oyj aps gmbh kgaa kg spa srl sarl sas sl kk pty pte bhd sab sapi cv adr"
)
LEGAL_FORMS = frozenset(_FORMS.split())
# What joins a name to its form and means nothing once the form is gone.
_JOINS = frozenset({"and", "de"})
# What the SEC adds to a name to tell it from another: a state, a country, "NEW", "ADR" ("BANK OF AMERICA CORP /DE/").
_MARKS = re.compile(r"[/\\]\s*[A-Za-z]{2,4}\s*(?:[/\\]\s*|$)(?=$|[/\\])|[/\\]\s*$")
_INITIALS = re.compile(r"\b(\w)\.(?=\w\b)")
_SILENT = re.compile(r"['\u2019`.\u00b7\u00ae\u2122]")
_BETWEEN = re.compile(r"[\W_]+")


def normalize_company_name(name: str) -> str:
    """The name in lower case without accents, punctuation and legal forms at its end: "eli lilly" for "ELI LILLY & Co".

    Equal results mean that two names are spelt alike, not that two companies are one. Never empty for a name that
    has a letter or a digit.
    """
    bare = name.strip()
    while (shorter := _MARKS.sub("", bare).strip()) != bare and shorter:
        bare = shorter
    words = _words(bare)
    while words[:-1] and (ending := _ending(words)):
        words = words[:-ending]
    while words[1:] and words[0] == "the":
        words = words[1:]
    return " ".join(words)


def _ending(words: list[str]) -> int:
    """How many words at the end are a legal form, never all of them; also spelt apart, as in "NOVO NORDISK A S"."""
    for count in (3, 2):
        last = words[-count:]
        if len(words) > count and all(len(word) == 1 for word in last) and "".join(last) in LEGAL_FORMS:
            return count
    return int(words[-1] in LEGAL_FORMS or words[-1] in _JOINS)


def _words(name: str) -> list[str]:
    spelt = unicodedata.normalize("NFKD", name.replace("\u2122", "").replace("&", " and ")).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(letter))
    return _BETWEEN.sub(" ", _SILENT.sub("", _INITIALS.sub(r"\1", plain))).split()
