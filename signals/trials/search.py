"""Search for trials by name, ticker or drug, through companies and assets."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet

from ncfd_site.core import sql
from securities.loading.names import normalize_company_name
from signals.models import Trial

# A number, or its beginning; whole ones anywhere in a text, such as an address of the registry.
TRIAL_NUMBER = re.compile(r"NCT[\s:#_-]*([0-9]{0,8})", re.IGNORECASE)
WHOLE_NUMBER = re.compile(r"(?<![A-Z0-9])NCT[\s:#_-]*([0-9]{8})(?![0-9])", re.IGNORECASE)
BARE_NUMBER = re.compile(r"[0-9]{8}")
TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-/]{0,11}", re.IGNORECASE)
CIK = re.compile(r"\d{1,10}")
DIGITS = 8
KINDS = ("searched", "sponsor", "holder", "drug", "searched_words", "sponsor_words")
# A beginning that more companies or assets share is no name: of these the first ones are taken, and no more trials
# of drugs than these.
MOST = 500
MOST_TRIALS = 10_000
# The server takes every beginning of a word for one in fifty sponsors, and would walk along all trials for the few that
# have a rare one. So it is tried on some of the riskiest: where fewer fit, all trials that fit are looked up first.
TRIED, FEW = 1_000, 10

_NAMED = """
    (SELECT '{kind}' AS kind, company_id::bigint AS key FROM companies
     WHERE name_norm LIKE %({name})s ORDER BY 2 LIMIT {most})
    UNION (SELECT '{kind}', company_id FROM company_aliases
           WHERE alias_norm LIKE %({name})s AND alias_type <> 'domain' ORDER BY 2 LIMIT {most})
"""
# Active tickers only. The view walks all companies, so it is asked only where the ticker is somebody's.
_HOLDERS = """
    {kind}_holders AS (
        SELECT DISTINCT link.company_id::bigint AS company_id FROM securities security
        JOIN company_securities link ON link.security_id = security.security_id::text
        WHERE security.ticker_norm = %({kind}_ticker)s AND security.status = 'active'
    ), {kind}_exposed AS (
        SELECT company_id FROM {kind}_holders
        UNION SELECT canonical.company_id FROM v_company_canonical canonical
        WHERE (SELECT count(*) FROM {kind}_holders) > 0
          AND canonical.canonical_id IN (SELECT company_id FROM {kind}_holders)
    )
"""
_RARE = """
    {kind}_rare AS MATERIALIZED (
        SELECT count(*) < {few} AS yes FROM (
            -- Looked up by their keys: a join would begin with all trials that have the words.
            SELECT (SELECT sponsor_text FROM trials WHERE trials.trial_id = riskiest.trial_id) AS sponsor FROM (
                SELECT trial_id FROM trial_current_scores ORDER BY p_fail DESC NULLS LAST, trial_id LIMIT {tried}
            ) riskiest OFFSET 0
        ) of_riskiest
        WHERE to_tsvector('simple', coalesce(sponsor, '')) @@ to_tsquery('simple', %({kind})s)
    )
"""
# A NULL key marks rare words, found or not.
_WORDED = """
    SELECT '{kind}' AS kind, NULL::bigint AS key FROM {kind}_rare WHERE yes
    UNION ALL SELECT '{kind}', found.trial_id FROM (
        SELECT trial_id FROM trials
        WHERE to_tsvector('simple', coalesce(sponsor_text, '')) @@ to_tsquery('simple', %({kind})s)
          AND (SELECT yes FROM {kind}_rare)
        LIMIT {most_trials} + 1
    ) found
"""
# A link labeled wrong connects nothing to a trial, unless the review desk still asks about it: its label is hidden.
_DRUGS = """
    SELECT 'drug' AS kind, found.trial_id::bigint AS key FROM (
        WITH named AS (
            SELECT DISTINCT asset_id FROM asset_aliases
            WHERE to_tsvector('simple', alias) @@ to_tsquery('simple', %(words)s) ORDER BY 1 LIMIT {most}
        )
        SELECT trials.trial_id FROM named JOIN link_audit claim USING (asset_id)
        JOIN trials ON trials.nct_id = claim.nct_id WHERE claim.label IS NOT FALSE OR EXISTS (
            SELECT FROM review_slots s JOIN review_samples m USING (sample_id)
            WHERE s.audit_id = claim.audit_id AND s.state = 'open' AND (m.closed_at IS NULL OR s.lease_until > now()))
        UNION
        SELECT promoted.trial_id FROM named JOIN trial_assets_xref promoted USING (asset_id)
        WHERE promoted.status = 'active'
        LIMIT {most_trials}
    ) found
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The companies that texts stand for, each by what the text was given for, and the trials of a drug.

    `searched_words` and `sponsor_words` are the trials whose sponsor has the words of a text; None where these are not
    rare, and the trials are better found on the way.
    """

    searched: frozenset[int] = field(default_factory=frozenset)
    sponsors: frozenset[int] = field(default_factory=frozenset)
    holders: frozenset[int] = field(default_factory=frozenset)
    drugs: frozenset[int] = field(default_factory=frozenset)
    searched_words: frozenset[int] | None = None
    sponsor_words: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    kind: str
    key: int | None


def has_nct_id(text: str) -> bool:
    """Return whether a text is an NCT ID or its beginning, or contains NCT IDs."""
    return TRIAL_NUMBER.fullmatch(text) is not None or bool(parse_nct_ids(text))


def parse_nct_ids(text: str) -> list[str]:
    """Return the NCT IDs in a text, normalized; eight digits alone are an NCT ID."""
    if BARE_NUMBER.fullmatch(text):
        return [f"NCT{text}"]
    return [f"NCT{digits}" for digits in WHOLE_NUMBER.findall(text)]


def look_up_texts(q: str, sponsor: str, ticker: str) -> Found:
    """Look up companies and trials for a search, a sponsor and a ticker ("": none), in one statement."""
    parts: list[str] = []
    ctes: list[str] = []
    given: dict[str, Any] = {}
    if q and not has_nct_id(q):
        parts.append(_build_name_sql("searched", "q"))
        given["q"] = _build_prefix_pattern(q)
        if words := build_words_query(q):
            parts.append(_DRUGS.format(most=MOST, most_trials=MOST_TRIALS))
            given["words"] = words
    if sponsor:
        if CIK.fullmatch(sponsor):
            parts.append("SELECT 'sponsor' AS kind, company_id::bigint AS key FROM companies WHERE cik = %(cik)s")
            given["cik"] = int(sponsor)
        else:
            parts.append(_build_name_sql("sponsor", "sponsor"))
            given["sponsor"] = _build_prefix_pattern(sponsor)
    named = {"searched_words": "" if has_nct_id(q) else q, "sponsor_words": "" if CIK.fullmatch(sponsor) else sponsor}
    for kind, text in named.items():
        if words := build_words_query(text):
            ctes.append(_RARE.format(kind=kind, few=FEW, tried=TRIED))
            parts.append(_WORDED.format(kind=kind, most_trials=MOST_TRIALS))
            given[kind] = words
    for kind, text in (("searched", q if TICKER.fullmatch(q) and not has_nct_id(q) else ""), ("holder", ticker)):
        if text:
            ctes.append(_HOLDERS.format(kind=kind))
            parts.append(f"SELECT '{kind}' AS kind, company_id AS key FROM {kind}_exposed")  # noqa: S608 (constants)
            given[f"{kind}_ticker"] = text.upper()
    if not parts:
        return Found()
    with_ = f"WITH {', '.join(ctes)} " if ctes else ""
    keys = sql.rows(with_ + " UNION ALL ".join(f"({part})" for part in parts), given, of=_Key)
    found = {kind: frozenset(one.key for one in keys if one.kind == kind and one.key is not None) for kind in KINDS}
    rare = {one.kind for one in keys if one.key is None}
    few = [found[kind] if kind in rare and len(found[kind]) <= MOST_TRIALS else None for kind in KINDS[-2:]]
    return Found(*(found[kind] for kind in KINDS[:-2]), *few)


def filter_by_search(trials: QuerySet[Trial], q: str, found: Found) -> QuerySet[Trial]:
    """Filter trials by a search: NCT ID, sponsor, company, former name, ticker or drug."""
    if numbers := parse_nct_ids(q):
        return trials.filter(nct_id__in=numbers)
    if number := TRIAL_NUMBER.fullmatch(q):
        digits = number[1]
        return trials.filter(nct_id__gte=f"NCT{digits:0<{DIGITS}}", nct_id__lte=f"NCT{digits:9<{DIGITS}}")
    trials, named = _match_sponsor(trials, "searched_words", q, found.searched_words)
    return trials.filter(named | Q(sponsor_company_id__in=found.searched) | Q(pk__in=found.drugs))


def filter_by_sponsor(trials: QuerySet[Trial], sponsor: str, found: Found) -> QuerySet[Trial]:
    """Filter trials by sponsor: words of its name, a current or former name of its company, or a CIK."""
    of_company = Q(sponsor_company_id__in=found.sponsors)
    if CIK.fullmatch(sponsor):
        return trials.filter(of_company)
    trials, named = _match_sponsor(trials, "sponsor_words", sponsor, found.sponsor_words)
    return trials.filter(named | of_company)


def build_words_query(text: str) -> str:
    """Return a tsquery that matches texts in which every word of `text` begins a word."""
    words = [word.replace("\\", "\\\\").replace("'", "''") for word in text.split() if re.search(r"\w", word)]
    return " & ".join(f"'{word}':*" for word in words)


def _match_sponsor(
    trials: QuerySet[Trial], alias: str, text: str, found: frozenset[int] | None
) -> tuple[QuerySet[Trial], Q]:
    """Return trials with the words of their sponsor as `alias`, and the condition that they match the text."""
    query = build_words_query(text)
    if not query or found is not None:
        return trials, Q(pk__in=found or ())
    # Written as the index is, so that the index serves it: all conditions are on the trial, and each has an index.
    vector = SearchVector("sponsor_text", config="simple")
    return trials.alias(**{alias: vector}), Q(**{alias: SearchQuery(query, config="simple", search_type="raw")})


def _build_name_sql(kind: str, name: str) -> str:
    return _NAMED.format(kind=kind, name=name, most=MOST)


def _build_prefix_pattern(text: str) -> str:
    normal = normalize_company_name(text)
    # What has no letter or digit is no name: it is equal to none.
    return re.sub(r"([\\%_])", r"\\\1", normal) + "%" if normal else ""
