"""Reads of open disagreements, and of the agreement between reviewers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from linkaudit.adjudication.agreement import Agreement
from linkaudit.intervals import Interval, wilson_interval
from linkaudit.models import LinkAudit, LinkDisagreement
from ncfd_site.core import sql

MAX_SHOWN = 200
# With fewer adjudicated decisions, the share that was upheld is mostly chance.
MIN_ADJUDICATED = 20

OPINIONS = """
SELECT r.audit_id, r.reviewer, r.decision, r.note, r.reviewed_at
FROM unnest(%s::bigint[]) wanted (audit_id) CROSS JOIN LATERAL effective_link_reviews(wanted.audit_id) r
ORDER BY r.audit_id, r.review_id
"""
# An undo frees its slot, so this excludes only decisions that were undone outside the queue.
_IS_ACTIVE = (
    "NOT EXISTS (SELECT FROM link_reviews t WHERE t.audit_id = {0}.audit_id AND t.supersedes = {0}.review_id"
    " AND t.decision = 'undone')"
)
PAIRS = f"""
SELECT m.heuristic,
    count(*) FILTER (WHERE (f.decision, s.decision) = ('right', 'right')) AS right_right,
    count(*) FILTER (WHERE (f.decision, s.decision) = ('right', 'wrong')) AS right_wrong,
    count(*) FILTER (WHERE (f.decision, s.decision) = ('wrong', 'right')) AS wrong_right,
    count(*) FILTER (WHERE (f.decision, s.decision) = ('wrong', 'wrong')) AS wrong_wrong,
    count(*) FILTER (WHERE 'unsure' IN (f.decision, s.decision)) AS unsure
FROM review_slots second JOIN review_slots first USING (sample_id, position) JOIN review_samples m USING (sample_id)
JOIN link_reviews f ON f.review_id = first.review_id JOIN link_reviews s ON s.review_id = second.review_id
WHERE second.opinion = 2 AND first.opinion = 1 AND {_IS_ACTIVE.format("f")} AND {_IS_ACTIVE.format("s")}
GROUP BY m.heuristic ORDER BY m.heuristic
"""  # noqa: S608
REVIEWERS = f"""
SELECT r.reviewer,
    count(*) FILTER (WHERE r.decision = 'right') AS right,
    count(*) FILTER (WHERE r.decision = 'wrong') AS wrong,
    count(*) FILTER (WHERE r.decision = 'unsure') AS unsure,
    count(result.decision) FILTER (WHERE r.decision <> 'unsure') AS adjudicated,
    count(*) FILTER (WHERE r.decision = result.decision) AS upheld
FROM review_slots slot JOIN link_reviews r USING (review_id)
LEFT JOIN LATERAL (
    SELECT a.decision FROM link_reviews a
    WHERE a.audit_id = r.audit_id AND a.mode = 'adjudication' AND {_IS_ACTIVE.format("a")}
    ORDER BY a.review_id DESC LIMIT 1
) result ON true
WHERE {_IS_ACTIVE.format("r")} GROUP BY r.reviewer ORDER BY r.reviewer
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Opinion:
    """A decision that counts on a link."""

    audit_id: int
    reviewer: str
    decision: str
    note: str | None
    reviewed_at: datetime


@dataclass(frozen=True, slots=True)
class OpenDisagreement:
    """A link awaiting adjudication, with the decisions on it."""

    disagreement: LinkDisagreement
    audit: LinkAudit
    opinions: list[Opinion]

    def is_own(self, username: str) -> bool:
        """Return whether this user reviewed the link and so may not adjudicate it."""
        return any(opinion.reviewer == username for opinion in self.opinions)


@dataclass(frozen=True, slots=True)
class Pairs:
    """First and second opinions on a heuristic's links; `unsure` pairs are not in the table."""

    heuristic: str
    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int
    unsure: int

    @property
    def agreement(self) -> Agreement:
        """Agreement of the pairs that are both right or wrong."""
        return Agreement(self.right_right, self.right_wrong, self.wrong_right, self.wrong_wrong)


@dataclass(frozen=True, slots=True)
class ReviewerStats:
    """A reviewer's queue decisions; adjudicators confirmed `upheld` of the `adjudicated` ones."""

    reviewer: str
    right: int
    wrong: int
    unsure: int
    adjudicated: int
    upheld: int

    @property
    def interval(self) -> Interval | None:
        """Wilson 95 % interval of upheld out of adjudicated; None below `MIN_ADJUDICATED`."""
        return None if self.missing else wilson_interval(self.upheld, self.adjudicated)

    @property
    def missing(self) -> int:
        """Number of further adjudicated decisions that the interval needs."""
        return max(0, MIN_ADJUDICATED - self.adjudicated)


def list_disagreements() -> list[OpenDisagreement]:
    """Return the links awaiting adjudication, oldest first, at most `MAX_SHOWN`."""
    disagreements = list(LinkDisagreement.objects.order_by("opened_at", "audit_id")[:MAX_SHOWN])
    ids = [disagreement.pk for disagreement in disagreements]
    audits = LinkAudit.objects.defer("evidence_jsonb").select_related("asset", "doc").in_bulk(ids)
    opinions = _read_opinions(ids)
    return [
        OpenDisagreement(disagreement, audits[disagreement.pk], opinions.get(disagreement.pk, []))
        for disagreement in disagreements
        if disagreement.pk in audits
    ]


def find_disagreement(audit_id: int) -> OpenDisagreement | None:
    """Return the disagreement on a link, or None if it is not awaiting adjudication."""
    disagreement = LinkDisagreement.objects.filter(pk=audit_id).first()
    audit = LinkAudit.objects.select_related("asset", "doc").filter(pk=audit_id).first()
    if disagreement is None or audit is None:
        return None
    return OpenDisagreement(disagreement, audit, _read_opinions([audit_id]).get(audit_id, []))


def read_pairs() -> list[Pairs]:
    """Return the first and second opinions of all samples, by heuristic."""
    return sql.rows(PAIRS, of=Pairs)


def sum_pairs(pairs: Collection[Pairs]) -> Pairs:
    """Return the sum over heuristics."""
    names = ("right_right", "right_wrong", "wrong_right", "wrong_wrong", "unsure")
    return Pairs("all", *(sum(getattr(each, name) for each in pairs) for name in names))


def read_reviewer_stats() -> list[ReviewerStats]:
    """Return the queue decisions of each reviewer."""
    return sql.rows(REVIEWERS, of=ReviewerStats)


def _read_opinions(audit_ids: Collection[int]) -> dict[int, list[Opinion]]:
    found: dict[int, list[Opinion]] = {}
    for opinion in sql.rows(OPINIONS, [list(audit_ids)], of=Opinion):
        found.setdefault(opinion.audit_id, []).append(opinion)
    return found
