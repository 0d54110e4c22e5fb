"""Reads of what waits for an adjudicator, and of how far people agree."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from linkaudit.agreement import Agreement
from linkaudit.models import LinkAudit, LinkDisagreement
from linkaudit.wilson import Interval, wilson_interval
from ncfd_site.core import sql

MOST_SHOWN = 200
# Against fewer adjudicated links, a share says more of chance than of a reviewer.
LEAST_ADJUDICATED = 20

OPINIONS = """
SELECT r.audit_id, r.reviewer, r.decision, r.note, r.reviewed_at, r.seconds
FROM unnest(%s::bigint[]) wanted (audit_id) CROSS JOIN LATERAL effective_link_reviews(wanted.audit_id) r
ORDER BY r.audit_id, r.review_id
"""
# What is taken back frees its place; only a decision that was retracted past the queue is asked for here.
_STANDS = (
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
WHERE second.opinion = 2 AND first.opinion = 1 AND {_STANDS.format("f")} AND {_STANDS.format("s")}
GROUP BY m.heuristic ORDER BY m.heuristic
"""  # noqa: S608
REVIEWERS = f"""
SELECT r.reviewer,
    count(*) FILTER (WHERE r.decision = 'right') AS right,
    count(*) FILTER (WHERE r.decision = 'wrong') AS wrong,
    count(*) FILTER (WHERE r.decision = 'unsure') AS unsure,
    count(result.decision) FILTER (WHERE r.decision <> 'unsure') AS adjudicated,
    count(*) FILTER (WHERE r.decision = result.decision) AS upheld
FROM review_slots place JOIN link_reviews r USING (review_id)
LEFT JOIN LATERAL (
    SELECT a.decision FROM link_reviews a
    WHERE a.audit_id = r.audit_id AND a.mode = 'adjudication' AND {_STANDS.format("a")}
    ORDER BY a.review_id DESC LIMIT 1
) result ON true
WHERE {_STANDS.format("r")} GROUP BY r.reviewer ORDER BY r.reviewer
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Opinion:
    """What counts of the decisions on a link."""

    audit_id: int
    reviewer: str
    decision: str
    note: str | None
    reviewed_at: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class OpenDisagreement:
    """A link that waits for an adjudicator, and who said what of it."""

    disagreement: LinkDisagreement
    audit: LinkAudit
    opinions: list[Opinion]

    def is_own(self, username: str) -> bool:
        """Whether this person has a decision among them, and so may not resolve it."""
        return any(opinion.reviewer == username for opinion in self.opinions)


@dataclass(frozen=True, slots=True)
class Pairs:
    """First and second opinions on a heuristic's links."""

    heuristic: str
    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int
    unsure: int

    @property
    def agreement(self) -> Agreement:
        """How far they agree, where both said right or wrong."""
        return Agreement(self.right_right, self.right_wrong, self.wrong_right, self.wrong_wrong)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """What somebody has said in the queue. `upheld` of the `adjudicated` ones are what the adjudicator said too."""

    reviewer: str
    right: int
    wrong: int
    unsure: int
    adjudicated: int
    upheld: int

    @property
    def interval(self) -> Interval | None:
        """The Wilson 95 % interval of upheld out of adjudicated; None where there are too few to say."""
        if self.adjudicated < LEAST_ADJUDICATED:
            return None
        return wilson_interval(self.upheld, self.adjudicated)

    @property
    def lacking(self) -> int:
        """How many more adjudicated ones it takes to say something."""
        return max(0, LEAST_ADJUDICATED - self.adjudicated)


def opinions_on(audit_ids: Collection[int]) -> dict[int, list[Opinion]]:
    """Return what counts of the decisions on each link that has any."""
    found: dict[int, list[Opinion]] = {}
    for opinion in sql.rows(OPINIONS, [list(audit_ids)], of=Opinion):
        found.setdefault(opinion.audit_id, []).append(opinion)
    return found


def open_disagreements() -> list[OpenDisagreement]:
    """Return what waits for an adjudicator, the longest first, as many as are shown."""
    disagreements = list(LinkDisagreement.objects.order_by("opened_at", "audit_id")[:MOST_SHOWN])
    keys = [disagreement.pk for disagreement in disagreements]
    audits = LinkAudit.objects.defer("evidence_jsonb").select_related("asset", "doc").in_bulk(keys)
    opinions = opinions_on(keys)
    return [
        OpenDisagreement(disagreement, audits[disagreement.pk], opinions.get(disagreement.pk, []))
        for disagreement in disagreements
        if disagreement.pk in audits
    ]


def open_disagreement(audit_id: int) -> OpenDisagreement | None:
    """Return one link that waits for an adjudicator, or None where it does not."""
    disagreement = LinkDisagreement.objects.filter(pk=audit_id).first()
    audit = LinkAudit.objects.select_related("asset", "doc").filter(pk=audit_id).first()
    if disagreement is None or audit is None:
        return None
    return OpenDisagreement(disagreement, audit, opinions_on([audit_id]).get(audit_id, []))


def pairs() -> list[Pairs]:
    """Return the first and second opinions of all samples, by heuristic."""
    return sql.rows(PAIRS, of=Pairs)


def together(all_pairs: Collection[Pairs]) -> Pairs:
    """Return the sum over heuristics."""
    names = ("right_right", "right_wrong", "wrong_right", "wrong_wrong", "unsure")
    return Pairs("all", *(sum(getattr(one, name) for one in all_pairs) for name in names))


def reviewers() -> list[Reviewer]:
    """Return what each person has said in the queue."""
    return sql.rows(REVIEWERS, of=Reviewer)
