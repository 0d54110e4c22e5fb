"""Reads for adjudicators: links awaiting adjudication, and the agreement between reviewers.

If few links are wrong, agreement by chance is high and kappa is low although the reviewers hardly differ. So the table
itself, Gwet's AC1 and negative agreement are shown with it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from linkaudit.blinding import exclude_blind, list_blind
from linkaudit.intervals import Interval, wilson_interval
from linkaudit.models import LinkAudit, LinkDisagreement
from linkaudit.queries import IS_ACTIVE
from ncfd_site.core import sql

MAX_SHOWN = 200
# With fewer adjudicated decisions, the share that was upheld is mostly chance.
MIN_ADJUDICATED = 20
COUNTS = ("right_right", "right_wrong", "wrong_right", "wrong_wrong", "unsure")

OPINIONS = """
SELECT r.audit_id, r.reviewer, r.decision, r.note, r.reviewed_at
FROM unnest(%s::bigint[]) wanted (audit_id) CROSS JOIN LATERAL effective_link_reviews(wanted.audit_id) r
ORDER BY r.audit_id, r.review_id
"""
# Of a corrected decision, the first one was independent. An undo frees its slot, so this excludes only decisions that
# were undone outside the queue.
PAIRS = f"""
SELECT m.heuristic,
    count(*) FILTER (WHERE (d.first, d.second) = ('right', 'right')) AS right_right,
    count(*) FILTER (WHERE (d.first, d.second) = ('right', 'wrong')) AS right_wrong,
    count(*) FILTER (WHERE (d.first, d.second) = ('wrong', 'right')) AS wrong_right,
    count(*) FILTER (WHERE (d.first, d.second) = ('wrong', 'wrong')) AS wrong_wrong,
    count(*) FILTER (WHERE 'unsure' IN (d.first, d.second)) AS unsure
FROM review_slots second JOIN review_slots first USING (sample_id, position) JOIN review_samples m USING (sample_id)
JOIN link_reviews f ON f.review_id = first.review_id JOIN link_reviews s ON s.review_id = second.review_id
LEFT JOIN link_reviews f1 ON f1.review_id = f.supersedes LEFT JOIN link_reviews s1 ON s1.review_id = s.supersedes
CROSS JOIN LATERAL (SELECT coalesce(f1.decision, f.decision), coalesce(s1.decision, s.decision)) d (first, second)
WHERE second.opinion = 2 AND first.opinion = 1 AND {IS_ACTIVE.format("f")} AND {IS_ACTIVE.format("s")}
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
    WHERE a.audit_id = r.audit_id AND a.mode = 'adjudication' AND {IS_ACTIVE.format("a")}
    ORDER BY a.review_id DESC LIMIT 1
) result ON true
WHERE {IS_ACTIVE.format("r")} AND r.reviewer = coalesce(%(reviewer)s, r.reviewer)
GROUP BY r.reviewer ORDER BY r.reviewer
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
class Agreement:
    """The 2 by 2 table of first and second opinions on a heuristic's links, and the number of pairs with an unsure one.

    `right_wrong`: the first is right, the second wrong.
    """

    heuristic: str
    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int
    unsure: int = 0

    @property
    def pairs(self) -> int:
        """Number of links with two opinions."""
        return self.right_right + self.right_wrong + self.wrong_right + self.wrong_wrong

    @property
    def raw(self) -> float | None:
        """Share of pairs that agree; None without a pair."""
        return (self.right_right + self.wrong_wrong) / self.pairs if self.pairs else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa, from -1 to 1; None without a pair, or if both reviewers always give the same one answer.

        Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
        (1960), 37-46.
        """
        if self.raw is None:
            return None
        first, second = self._compute_right_shares()
        by_chance = first * second + (1 - first) * (1 - second)
        return None if by_chance == 1 else (self.raw - by_chance) / (1 - by_chance)

    @property
    def ac1(self) -> float | None:
        """Gwet's AC1, from -1 to 1; None without a pair.

        Source: K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement",
        British Journal of Mathematical and Statistical Psychology 61 (2008), 29-48.
        """
        if self.raw is None:
            return None
        right = sum(self._compute_right_shares()) / 2
        by_chance = 2 * right * (1 - right)
        return (self.raw - by_chance) / (1 - by_chance)

    @property
    def negative(self) -> float | None:
        """Share of "wrong" answers that the other reviewer also gave; None without one."""
        answers = 2 * self.wrong_wrong + self.right_wrong + self.wrong_right
        return 2 * self.wrong_wrong / answers if answers else None

    def _compute_right_shares(self) -> tuple[float, float]:
        return (self.right_right + self.right_wrong) / self.pairs, (self.right_right + self.wrong_right) / self.pairs


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


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """The agreement by heuristic and over all of them, and the queue decisions of each reviewer."""

    heuristics: list[Agreement]
    total: Agreement
    reviewers: list[ReviewerStats]


def list_disagreements(user: User, audit_id: int | None = None) -> list[OpenDisagreement]:
    """Return the links awaiting adjudication, oldest first, at most `MAX_SHOWN`; with `audit_id`, only that link.

    Links hidden from the user are omitted: their second opinion is still open.
    """
    rows = exclude_blind(LinkDisagreement.objects.order_by("opened_at", "audit_id"), user)
    rows = rows[:MAX_SHOWN] if audit_id is None else rows.filter(pk=audit_id)
    disagreements = {row.pk: row for row in rows}
    audits = LinkAudit.objects.select_related("asset", "doc")
    found = (audits.defer("evidence_jsonb") if audit_id is None else audits).in_bulk(disagreements)
    opinions: dict[int, list[Opinion]] = {}
    for opinion in sql.rows(OPINIONS, [list(found)], of=Opinion):
        opinions.setdefault(opinion.audit_id, []).append(opinion)
    return [OpenDisagreement(row, found[pk], opinions.get(pk, [])) for pk, row in disagreements.items() if pk in found]


def count_hidden_disagreements(user: User) -> int:
    """Return the number of disagreements that `list_disagreements` omits for the user."""
    return len(list_blind(user, pk__in=LinkDisagreement.objects.values("pk")))


def read_agreement() -> AgreementReport:
    """Return the agreement in all samples, and the queue decisions of each reviewer."""
    heuristics = sql.rows(PAIRS, of=Agreement)
    total = Agreement("all", *(sum(getattr(each, name) for each in heuristics) for name in COUNTS))
    return AgreementReport(heuristics, total, sql.rows(REVIEWERS, {"reviewer": None}, of=ReviewerStats))


def read_reviewer_stats(reviewer: User) -> ReviewerStats | None:
    """Return the queue decisions of one reviewer, None without one."""
    return next(iter(sql.rows(REVIEWERS, {"reviewer": reviewer.get_username()}, of=ReviewerStats)), None)
