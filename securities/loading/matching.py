"""Matching of sponsors to companies: by name, by the parent that the sponsor names, or as a part of a company.

Names are matches only where the kind of name proves the company. Other similar names are proposals for a reviewer.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from ncfd_site.core import sql
from securities.loading.aliases import SOURCE as LOADED
from securities.loading.names import normalize_company_name, read_legal_form

# Words that a company adds for a subsidiary in a place, or for a function of its own.
_PLACES_WORDS = (
    "us usa uk america americas north south australia austria bc belgium benelux brazil canada china denmark"
    " finland france germany hong kong india ireland israel italy japan korea mexico netherlands norway poland"
    " singapore spain sweden swiss switzerland taiwan de deutschland espana italia beijing guangzhou hangzhou"
    " nanjing shanghai shenzhen suzhou munich vienna bermuda ii iii"
)
_PLACES = frozenset(_PLACES_WORDS.split())
_REGIONS_WORDS = (
    "asia pacific europe eu emea global international intl worldwide operations management administration"
    " services innovation innovations ireland r d rd research and development clinical commercial division"
)
_REGIONS = frozenset(_REGIONS_WORDS.split())
_INDUSTRY_WORDS = (
    "bio biologics biomedical biopharma biopharmaceutical biopharmaceuticals biosciences bioscience biotech"
    " biotechnologies biotechnology branded diagnostics endocrinology genetics healthcare laboratories labs life"
    " lp medicines neuroscience oncology pharm pharma pharmaceutica pharmaceutical pharmaceuticals products rna"
    " science sciences specialty technologies technology therapeutic therapeutics vaccines cilag medical"
)
_INDUSTRY = frozenset(_INDUSTRY_WORDS.split())
_AFFILIATE = _PLACES | _REGIONS | _INDUSTRY
_CONTINENTS = frozenset({"asia", "pacific", "europe", "eu", "emea", "global", "international", "intl", "worldwide"})
_INSTITUTES = frozenset({"university", "hospital", "clinic", "foundation", "institute", "center", "college", "school"})
_HOLDINGS = frozenset({"holding", "holdings", "group"})
# Parts of the names of companies in the life sciences.
_LIFE_SCIENCE = re.compile(
    r"pharm|thera|bio|onco|immun|genom|genetic|gene|vacc|vax|cyte|cell|medic|scien|health|blast|derm|neuro|lab",
    re.IGNORECASE,
)
_PLACE_IN_PARENTHESES = re.compile(r"\(([^()]*)\)?")
_PARENT = re.compile(
    r"""^(?P<own>.+?)[\s,;\u2013-]+(?:is\s+|has\s+been\s+)?(?:now\s+)?
    (?: an?\s+(?P<a>(?!wholly|indirect|direct|subsidiary)[^,]+?)\s+(?:company|subsidiary|business|affiliate)$
      | (?:an?\s+|the\s+)?(?:indirect\s+|direct\s+)?(?:wholly[\s-]+owned\s+)?
        (?:subsidiary|affiliate|division|unit|part|member)\s+of\s+
        (?:the\s+)?(?P<b>.+?)(?:\s+group(?:\s+of\s+companies)?)?$
      | (?:acquired\s+by|merged\s+(?:into|with\s+.+\s+to\s+form))\s+(?P<c>.+)$ )""",
    re.IGNORECASE | re.VERBOSE,
)
_OTHER_NAME = re.compile(
    r"[\s,;(]+(?P<kind>f/?k/?a|formerly(?:\s+known\s+as)?|previously(?:\s+known\s+as)?|d/?b/?a|a/?k/?a"
    r"|doing\s+business\s+as|also\s+known\s+as)[\s.:]+(?P<name>.+)$",
    re.IGNORECASE,
)
# Forms of one country name the same company; other forms of a one-word name may be another company.
_FORM_FAMILIES = (
    "inc incorporated corp corporation co company",
    "ltd limited plc",
    "sa sas sarl",
    "nv bv",
    "ag gmbh se",
)
_FAMILY = {form: family for family in _FORM_FAMILIES for form in family.split()}
CUTOFF, MIN_DISTINCTIVE, MAX_CANDIDATES = 86.0, 75.0, 5


@dataclass(frozen=True, slots=True)
class CompanyName:
    """A name of a company; `kind` is `name`, or the type of the alias."""

    company_id: int
    name: str
    kind: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that a sponsor may be, with what was compared."""

    company_id: int
    name: str
    score: float
    features: dict[str, str | float | bool]


@dataclass(slots=True)
class SponsorMatcher:
    """The names of all companies, for lookups of sponsors. Memory grows with the number of companies."""

    names: dict[str, list[CompanyName]] = field(default_factory=dict)
    compact: dict[str, str] = field(default_factory=dict)
    first_words: dict[str, set[int]] = field(default_factory=dict)
    live: set[int] = field(default_factory=set)
    decided: dict[str, int | None] = field(default_factory=dict)
    _matches: dict[str, int | None] = field(default_factory=dict)

    @classmethod
    def build(cls, rows: Iterable[CompanyName]) -> "SponsorMatcher":
        """Return a matcher for these names."""
        matcher = cls()
        for row in rows:
            key = normalize_company_name(row.name)
            if not key:
                continue
            matcher.names.setdefault(key, []).append(row)
            matcher.compact.setdefault(key.replace(" ", ""), key)
            matcher.first_words.setdefault(key.split()[0], set()).add(row.company_id)
            if row.is_live:
                matcher.live.add(row.company_id)
        return matcher

    def match(self, sponsor: str | None) -> int | None:
        """Return the company that the sponsor is or belongs to, or None."""
        if not sponsor:
            return None
        if sponsor not in self._matches:
            decision = self.decided.get(normalize_company_name(sponsor), 0)
            self._matches[sponsor] = self._find(sponsor) if decision == 0 else decision
        return self._matches[sponsor]

    def propose(self, sponsor: str) -> list[Candidate]:
        """Return companies of similar names, most similar first, for a sponsor without a match."""
        key = normalize_company_name(_drop_parentheses(sponsor))
        if not key:
            return []
        found = {}
        for name, score, _ in process.extract(
            key, self.names.keys(), scorer=fuzz.ratio, score_cutoff=CUTOFF, limit=4 * MAX_CANDIDATES
        ):
            # Words of the industry make any two names similar.
            distinctive = fuzz.ratio(_drop_industry(key), _drop_industry(name))
            if distinctive >= MIN_DISTINCTIVE:
                found[name] = min(score, distinctive)
        words = key.split()
        bare = " ".join(word for word in words if word not in _HOLDINGS)
        for name in (key, bare, *(f"{bare} {word}" for word in _HOLDINGS | _INDUSTRY)):
            if name in self.names:
                found.setdefault(name, 90.0)
        candidates: dict[int, Candidate] = {}
        for name, score in sorted(found.items(), key=lambda item: -item[1]):
            for row in self.names[name]:
                features: dict[str, str | float | bool] = {
                    "ratio": round(fuzz.ratio(key, name) / 100, 4),
                    "distinctive": round(fuzz.ratio(_drop_industry(key), _drop_industry(name)) / 100, 4),
                    "token_set": round(fuzz.token_set_ratio(key, name) / 100, 4),
                    "kind": row.kind,
                    "same_legal_form": read_legal_form(sponsor) == read_legal_form(row.name),
                    "is_listed": row.is_live,
                }
                candidates.setdefault(
                    row.company_id, Candidate(row.company_id, row.name, round(score / 100, 4), features)
                )
        return list(candidates.values())[:MAX_CANDIDATES]

    def _find(self, sponsor: str) -> int | None:
        text = " ".join(sponsor.split())
        if (company := self._find_name(text)) is not None:
            return company
        if parent := _PARENT.match(_drop_parentheses(text)):
            own = self._find_name(parent["own"])
            if own in self.live:
                return own
            name = next(filter(None, parent.group("a", "b", "c")))
            return self._find_name(name, has_short_name=True) or self._find_affiliate(name) or own
        if other := _OTHER_NAME.search(text):
            names = [text[: other.start()], other["name"].rstrip(") ."), *_PLACE_IN_PARENTHESES.findall(other["name"])]
            return next((found for name in names if (found := self._find_name(name)) is not None), None)
        return self._find_affiliate(text)

    def _find_name(self, name: str, *, has_short_name: bool = False) -> int | None:
        """Return the only company, or the only listed one, with this name."""
        key = normalize_company_name(_drop_parentheses(name))
        rows = self._get_rows(key)
        company = _choose(rows)
        is_proved = " " in key or has_short_name or any(
            row.company_id == company and _is_proof_of_one_word(row, name) for row in rows
        )  # fmt: skip
        return company if is_proved else None

    def _get_rows(self, key: str) -> Sequence[CompanyName]:
        """Return the names that are equal to a normalized one; of long ones, also without spaces."""
        rows = self.names.get(key, ())
        return rows or (self.names.get(self.compact.get(key.replace(" ", ""), ""), ()) if len(key) >= 8 else ())

    def _find_affiliate(self, sponsor: str) -> int | None:
        """Return the company whose name the sponsor has beside words for a place, a function or its industry."""
        name = _PLACE_IN_PARENTHESES.sub(r" \1 ", sponsor)
        has_form = bool(read_legal_form(name))
        words = [word for word in normalize_company_name(name).split() if word not in _FAMILY]
        while words[1:] and words[0] in _PLACES:
            words = words[1:]
            if len(words) > 1 and (company := self._find_name(" ".join(words))) is not None:
                return company
        for count in range(len(words) - 1, 0, -1):
            rest = set(words[count:])
            company = self._find_name(" ".join(words[:count]))
            if company is None:
                continue
            rows = self._get_rows(" ".join(words[:count]))
            is_known = any(row.kind in ("brand", "short") or _LIFE_SCIENCE.search(row.name) for row in rows)
            if any(row.kind == "brand" for row in rows) and not rest & (_HOLDINGS | _INSTITUTES):
                return company
            is_rare = len(self.first_words.get(words[0], ())) == 1 and len(words[0]) >= 5
            if rest & _HOLDINGS or (rest & _CONTINENTS and not has_form):
                return None
            if rest <= _PLACES or (rest <= _PLACES | _REGIONS and has_form):
                return company if count > 1 or is_known or is_rare else None
            if rest <= _AFFILIATE and is_known:
                return company
            is_foreign = rest <= _AFFILIATE and bool(rest & _PLACES) and has_form
            if count > 1 and (is_foreign or (is_known and is_rare and len(rest) <= 2 and has_form)):
                return company
            return None
        bare = [word for word in words if word not in _PLACES]
        rows = [row for word in _REGIONS | _INDUSTRY for row in self.names.get(f"{' '.join(bare)} {word}", ())]
        is_rare = bool(bare) and len(self.first_words.get(bare[0], ())) == 1 and len(bare[0]) >= 6
        return _choose(rows) if len(bare) > 1 or (is_rare and has_form) else None


def load_company_names() -> SponsorMatcher:
    """Return the matcher of all companies, with the decisions of reviewers."""
    rows = sql.rows(
        "WITH live AS (SELECT DISTINCT company_id FROM securities WHERE status = 'active')"
        " SELECT n.company_id, n.name, n.kind, EXISTS (SELECT FROM live l WHERE l.company_id = n.company_id) AS is_live"
        " FROM (SELECT company_id, name::text AS name, 'name' AS kind FROM companies"
        # A former name with a source is proved; one of an earlier list may be that of another company by now.
        "       UNION ALL SELECT company_id, alias, CASE WHEN alias_type = 'former_name' AND metadata ->> 'source' = %s"
        "                                                THEN 'aka' ELSE alias_type::text END FROM company_aliases"
        "       WHERE alias_type::text IN ('former_name', 'legal', 'aka', 'dba') OR metadata ->> 'source' = %s) n",
        [LOADED, LOADED],
        of=CompanyName,
    )
    matcher = SponsorMatcher.build(rows)
    for decision in sql.rows(
        "SELECT sponsor_text AS name, company_id FROM resolver_decisions"
        " WHERE decided_by = 'human' ORDER BY decision_id",
        of=_Decision,
    ):
        matcher.decided[normalize_company_name(decision.name)] = decision.company_id
    return matcher


def match_company(names: SponsorMatcher, sponsor: str | None) -> int | None:
    """Return the only company that the sponsor is or belongs to, or None."""
    return names.match(sponsor)


@dataclass(frozen=True, slots=True)
class _Decision:
    name: str
    company_id: int | None


def _choose(rows: Iterable[CompanyName]) -> int | None:
    found = {row.company_id for row in rows}
    if len(found) > 1:
        found = {row.company_id for row in rows if row.is_live}
    return found.pop() if len(found) == 1 else None


def _is_proof_of_one_word(row: CompanyName, sponsor: str) -> bool:
    """Return whether a one-word name proves the company: not with another legal form, nor as a former name only."""
    if row.kind == "former_name":
        return False
    forms = read_legal_form(sponsor), read_legal_form(row.name)
    return not all(forms) or _FAMILY.get(forms[0], forms[0]) == _FAMILY.get(forms[1], forms[1])


def _drop_industry(key: str) -> str:
    return " ".join(word for word in key.split() if word not in _INDUSTRY) or key


def _drop_parentheses(text: str) -> str:
    return _PLACE_IN_PARENTHESES.sub(" ", text) if "(" in text[1:] else text
