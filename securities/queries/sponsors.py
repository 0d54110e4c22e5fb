"""What the sponsor resolver made of sponsors: its review queue, with what it compared and decided."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from securities.models import Company, ResolverDecision, ResolverFeature, ResolverLLMLog, ReviewQueueItem

PAGE_SIZE = 25
# An offset is read through by the server.
LAST_PAGE = 200
# Decisions without a company that are shown below the queue, out of so many of the latest.
SHOWN, LOOKED_AT = 25, 5_000
MOST_CANDIDATES = 10

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that comes into question, with its probability and what was compared; `company` None if it is gone."""

    name: str
    company: Company | None
    probability: float | None
    features: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One sponsor of one trial in one run: its place in the queue, what was decided, and on what grounds."""

    item: ReviewQueueItem | None
    decision: ResolverDecision | None
    candidates: list[Candidate]
    question: ResolverLLMLog | None

    @property
    def nct_id(self) -> str:
        """The trial, by its number."""
        return str(self._row.nct_id)

    @property
    def sponsor(self) -> str:
        """The sponsor as the registry names it."""
        return str(self._row.sponsor_text or self._row.sponsor_text_norm or "no sponsor named")

    @property
    def feature_names(self) -> list[str]:
        """What was compared, of any candidate."""
        return list(dict.fromkeys(name for candidate in self.candidates for name in candidate.features))

    @property
    def compared(self) -> list[tuple[Candidate, list[Any]]]:
        """Each candidate with a value for each of `feature_names`; None where it was not compared."""
        names = self.feature_names
        return [(one, [one.features.get(name) for name in names]) for one in self.candidates]

    @property
    def _row(self) -> Any:
        return self.item or self.decision


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of the review queue."""

    cases: list[Case] = field(default_factory=list)
    number: int = 1
    has_next: bool = False
    undecided: list[Case] = field(default_factory=list)

    @property
    def before(self) -> int:
        """The number of the page before this one."""
        return self.number - 1

    @property
    def after(self) -> int:
        """The number of the page after this one."""
        return self.number + 1


def queue_page(status: str, text: str, number: int, *, with_undecided: bool = False) -> QueuePage:
    """Return a page of the queue, newest first: of a status ("": any), of a trial or of sponsors that hold `text`.

    `with_undecided` adds the latest decisions for no company of which nothing is in the queue. At most six queries.
    """
    number = min(max(number, 1), LAST_PAGE)
    items = ReviewQueueItem.objects.order_by("-rq_id")
    if status:
        items = items.filter(status=status)
    if text:
        items = items.filter(about(text))
    start = (number - 1) * PAGE_SIZE
    found = list(items[start : start + PAGE_SIZE + 1])
    queued = found[:PAGE_SIZE]
    undecided = list(_undecided(text)) if with_undecided else []
    cases = _cases([*queued, *undecided])
    has_next = len(found) > PAGE_SIZE and number < LAST_PAGE
    return QueuePage(cases[: len(queued)], number, has_next, cases[len(queued) :])


def _undecided(text: str) -> QuerySet[ResolverDecision]:
    """Decisions for no company that have no place in the queue, among the latest decisions of all."""
    latest = ResolverDecision.objects.order_by("-decision_id")
    if text:
        latest = latest.filter(about(text))
    queued = ReviewQueueItem.objects.filter(nct_id=OuterRef("nct_id"), run_id=OuterRef("run_id"))
    among: QuerySet[ResolverDecision, Any] = latest.values("pk")[:LOOKED_AT]
    decisions = ResolverDecision.objects.filter(~Exists(queued), pk__in=among, company=None)
    return decisions.order_by("-decision_id")[:SHOWN]


def about(text: str) -> Q:
    """Return the condition on rows of the resolver: of a trial by its number, or of sponsors that hold the text."""
    if text[:3].upper() == "NCT" and text[3:].isdigit():
        return Q(nct_id=text.upper())
    return Q(sponsor_text__icontains=text)


def _key(row: Any) -> Key:
    return row.run_id, row.nct_id, row.sponsor_text_norm or ""


def _cases(rows: Sequence[ReviewQueueItem | ResolverDecision]) -> list[Case]:
    """Put what there is of one sponsor of one trial in one run together, in four queries."""
    if not rows:
        return []
    trials, runs = {row.nct_id for row in rows}, {row.run_id for row in rows}
    decisions = _latest_decisions(trials)
    features: dict[Key, list[ResolverFeature]] = {}
    compared = ResolverFeature.objects.filter(nct_id__in=trials, run_id__in=runs)
    for one in compared.order_by("-p_calibrated", "rf_id"):
        features.setdefault(_key(one), []).append(one)
    logs = ResolverLLMLog.objects.filter(nct_id__in=trials, run_id__in=runs).defer("prompt", "candidates")
    questions = {(log.run_id, log.nct_id, log.sponsor_text): log for log in logs.order_by("llm_id")}
    offered = {_key(row): _offered(row) for row in rows}
    wanted = {one.company_id for found in features.values() for one in found if one.company_id}
    wanted |= {key for candidates in offered.values() for key, _, _ in candidates if key is not None}
    companies = Company.objects.only("cik", "name").in_bulk(wanted)
    return [
        Case(
            item=row if isinstance(row, ReviewQueueItem) else None,
            decision=decisions.get((row.nct_id, row.sponsor_text_norm or "")),
            candidates=_candidates(features.get(_key(row), []), offered[_key(row)], companies),
            question=questions.get((row.run_id, row.nct_id, row.sponsor_text or "")),
        )
        for row in rows
    ]


def _latest_decisions(trials: Collection[str]) -> dict[tuple[str, str], ResolverDecision]:
    """The latest decision, of whatever run, by trial and normalised sponsor."""
    found = ResolverDecision.objects.filter(nct_id__in=trials).select_related("company")
    return {(one.nct_id, one.sponsor_text_norm): one for one in found.order_by("decided_at", "decision_id")}


Offer = tuple[int | None, str, float | None]


def _offered(row: Any) -> list[Offer]:
    """What the queue has under `candidates`, as far as it can be read: key of the company, name, probability."""
    found: list[Offer] = []
    listed = getattr(row, "candidates", None)
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, Mapping):
            found.append((None, str(one), None))
            continue
        key, p = one.get("company_id"), next((one[name] for name in _PROBABILITY if name in one), None)
        is_key = isinstance(key, int) and not isinstance(key, bool) and 0 < key < 2**31
        found.append((key if is_key else None, str(one.get("name") or ""), _number(p)))
    return found[:MOST_CANDIDATES]


_PROBABILITY = ("p", "p_match", "p_calibrated", "score")


def _candidates(
    features: Sequence[ResolverFeature], offered: Sequence[Offer], companies: Mapping[int, Company]
) -> list[Candidate]:
    compared = {one.company_id: one for one in features}
    found = []
    for key, name, p in offered:
        one = compared.pop(key, None) if key is not None else None
        company = companies.get(key) if key is not None else None
        probability = p if p is not None or one is None else one.p_calibrated
        title = company.name if company else name or (f"company {key}, which is gone" if key else "unknown")
        found.append(Candidate(title, company, probability, _fields(one)))
    for key, one in compared.items():
        company = companies.get(key) if key is not None else None
        found.append(Candidate(company.name if company else "no company", company, one.p_calibrated, _fields(one)))
    return found[:MOST_CANDIDATES]


def _fields(row: ResolverFeature | None) -> Mapping[str, Any]:
    values = row.features_jsonb if row else None
    return values if isinstance(values, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
