"""Review queue of the sponsor resolver, with its decisions and candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from ncfd_site.core.lists import ListPage, get_page_slice, make_page
from securities.models import Company, ResolverDecision, ResolverFeature, ResolverLLMLog, ReviewQueueItem

PAGE_SIZE = 25
# Decisions for no company are searched among this many latest decisions.
MAX_UNDECIDED, DECISIONS_SEARCHED = 25, 5_000
MAX_CANDIDATES = 10
# Names under which resolvers have stored the probability of a candidate.
_PROBABILITY_KEYS = ("p", "p_match", "p_calibrated", "score")

_Key = tuple[str, str, str]
_Offer = tuple[int | None, str, float | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that the sponsor may be; `company` is None if it was deleted or is not identified."""

    name: str
    company: Company | None
    probability: float | None
    features: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SponsorCase:
    """One sponsor of one trial in one run: queue entry, decision, candidates and question to the language model."""

    item: ReviewQueueItem | None
    decision: ResolverDecision | None
    candidates: list[Candidate]
    question: ResolverLLMLog | None

    @property
    def nct_id(self) -> str:
        """NCT ID of the trial."""
        return str(self._source_row.nct_id)

    @property
    def sponsor(self) -> str:
        """Sponsor as the registry names it."""
        return str(self._source_row.sponsor_text or self._source_row.sponsor_text_norm or "no sponsor named")

    @property
    def feature_names(self) -> list[str]:
        """Names of all features of the candidates."""
        return list(dict.fromkeys(name for candidate in self.candidates for name in candidate.features))

    @property
    def feature_rows(self) -> list[tuple[Candidate, list[Any]]]:
        """Each candidate with its values for `feature_names`; None where a feature is missing."""
        names = self.feature_names
        return [(one, [one.features.get(name) for name in names]) for one in self.candidates]

    @property
    def _source_row(self) -> Any:
        return self.item or self.decision


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the review queue, and the latest decisions for no company that are not in the queue."""

    page: ListPage[SponsorCase]
    undecided: list[SponsorCase]


def load_queue_page(status: str, text: str, number: int, *, with_undecided: bool = False) -> QueuePage:
    """Return a page of the sponsors to review, newest first, in at most six queries.

    `status` "" is any; `text` is an NCT ID or part of a sponsor's name.
    """
    items = ReviewQueueItem.objects.order_by("-rq_id")
    if status:
        items = items.filter(status=status)
    if text:
        items = items.filter(build_search_condition(text))
    queued = list(items[get_page_slice(number, PAGE_SIZE)])
    undecided = list(_list_undecided_decisions(text)) if with_undecided else []
    cases = _build_cases([*queued, *undecided])
    return QueuePage(make_page(cases[: len(queued)], number, PAGE_SIZE), cases[len(queued) :])


def build_search_condition(text: str) -> Q:
    """Return the condition for resolver rows of a trial (NCT ID) or of sponsors whose name contains the text."""
    if text[:3].upper() == "NCT" and text[3:].isdigit():
        return Q(nct_id=text.upper())
    return Q(sponsor_text__icontains=text)


def _list_undecided_decisions(text: str) -> QuerySet[ResolverDecision]:
    latest = ResolverDecision.objects.order_by("-decision_id")
    if text:
        latest = latest.filter(build_search_condition(text))
    queued = ReviewQueueItem.objects.filter(nct_id=OuterRef("nct_id"), run_id=OuterRef("run_id"))
    searched: QuerySet[ResolverDecision, Any] = latest.values("pk")[:DECISIONS_SEARCHED]
    decisions = ResolverDecision.objects.filter(~Exists(queued), pk__in=searched, company=None)
    return decisions.order_by("-decision_id")[:MAX_UNDECIDED]


def _build_key(row: Any) -> _Key:
    return row.run_id, row.nct_id, row.sponsor_text_norm or ""


def _build_cases(rows: Sequence[ReviewQueueItem | ResolverDecision]) -> list[SponsorCase]:
    """Return the case of each row, in four queries."""
    if not rows:
        return []
    trials, runs = {row.nct_id for row in rows}, {row.run_id for row in rows}
    # The latest decision of any run, by trial and normalized sponsor.
    decided = ResolverDecision.objects.filter(nct_id__in=trials).select_related("company")
    decisions = {(one.nct_id, one.sponsor_text_norm): one for one in decided.order_by("decided_at", "decision_id")}
    features: dict[_Key, list[ResolverFeature]] = {}
    for feature in ResolverFeature.objects.filter(nct_id__in=trials, run_id__in=runs).order_by(
        "-p_calibrated", "rf_id"
    ):
        features.setdefault(_build_key(feature), []).append(feature)
    logs = ResolverLLMLog.objects.filter(nct_id__in=trials, run_id__in=runs).defer("prompt", "candidates")
    questions = {(log.run_id, log.nct_id, log.sponsor_text): log for log in logs.order_by("llm_id")}
    offers = {_build_key(row): _read_offers(row) for row in rows}
    wanted = {one.company_id for group in features.values() for one in group if one.company_id}
    wanted |= {key for group in offers.values() for key, _, _ in group if key is not None}
    companies = Company.objects.only("cik", "name").in_bulk(wanted)
    return [
        SponsorCase(
            item=row if isinstance(row, ReviewQueueItem) else None,
            decision=decisions.get((row.nct_id, row.sponsor_text_norm or "")),
            candidates=_build_candidates(features.get(_build_key(row), []), offers[_build_key(row)], companies),
            question=questions.get((row.run_id, row.nct_id, row.sponsor_text or "")),
        )
        for row in rows
    ]


def _read_offers(row: Any) -> list[_Offer]:
    """Return company ID, name and probability of each readable entry of `candidates`."""
    offers: list[_Offer] = []
    candidates = getattr(row, "candidates", None)
    for entry in candidates if isinstance(candidates, list) else []:
        if not isinstance(entry, Mapping):
            offers.append((None, str(entry), None))
            continue
        key, p = entry.get("company_id"), next((entry[name] for name in _PROBABILITY_KEYS if name in entry), None)
        is_key = isinstance(key, int) and not isinstance(key, bool) and 0 < key < 2**31
        probability = float(p) if isinstance(p, int | float) and not isinstance(p, bool) else None
        offers.append((key if is_key else None, str(entry.get("name") or ""), probability))
    return offers[:MAX_CANDIDATES]


def _build_candidates(
    features: Sequence[ResolverFeature], offers: Sequence[_Offer], companies: Mapping[int, Company]
) -> list[Candidate]:
    compared = {one.company_id: one for one in features}
    rows = [(key, name, p, compared.pop(key, None) if key is not None else None) for key, name, p in offers]
    rows += [(key, "no company", None, feature) for key, feature in compared.items()]
    candidates = []
    for key, name, p, feature in rows[:MAX_CANDIDATES]:
        company = companies.get(key) if key is not None else None
        probability = feature.p_calibrated if p is None and feature else p
        values = feature.features_jsonb if feature else None
        title = company.name if company else name or (f"deleted company {key}" if key else "unknown")
        candidates.append(Candidate(title, company, probability, values if isinstance(values, Mapping) else {}))
    return candidates
