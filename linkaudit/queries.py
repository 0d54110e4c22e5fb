"""Reads of links, of the decisions on them, and of the precision of heuristics."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from linkaudit.intervals import Interval, wilson_interval
from linkaudit.models import LinkAudit, LinkReview
from ncfd_site.core import sql

# The promotion rule of the contract: the defaults of `can_auto_promote_heuristic`.
MIN_PRECISION = Decimal("0.95")
MIN_LINKS = 50
# A reviewer can undo a decision for this long.
UNDO_PERIOD = timedelta(minutes=10)
UNKNOWN_HEURISTIC = "No heuristic with this name has proposed a link."
# The condition that no decision undid the review with the alias `{0}`.
IS_ACTIVE = (
    "NOT EXISTS (SELECT FROM link_reviews t WHERE t.audit_id = {0}.audit_id AND t.supersedes = {0}.review_id"
    " AND t.decision = 'undone')"
)
STATUSES = """
SELECT p.*, can_auto_promote_heuristic(n.name, %s, %s) AS can_promote
FROM unnest(%s::text[]) WITH ORDINALITY n(name, position) CROSS JOIN LATERAL get_heuristic_precision(n.name) p
ORDER BY n.position
"""


@dataclass(frozen=True, slots=True)
class PrecisionCounts:
    """A row of `get_heuristic_precision`. `precision_rate` has four digits, and is None if nothing is reviewed."""

    heuristic: str
    total_links: int
    reviewed_links: int
    correct_links: int
    incorrect_links: int
    unreviewed_links: int
    precision_rate: Decimal | None

    @property
    def interval(self) -> Interval | None:
        """Wilson 95 % interval of correct out of reviewed links; None if nothing is reviewed."""
        return wilson_interval(self.correct_links, self.reviewed_links)


@dataclass(frozen=True, slots=True)
class HeuristicStatus(PrecisionCounts):
    """The precision of a heuristic over all links, and whether the promotion rule lets its links be promoted."""

    can_promote: bool

    @property
    def needed_links(self) -> int:
        """Fewest further reviewed links, all correct, that meet the promotion rule; 0 if it is met."""
        lacking = max(MIN_PRECISION * self.reviewed_links - self.correct_links, Decimal(0))
        by_rate = int((lacking / (1 - MIN_PRECISION)).to_integral_value(rounding="ROUND_CEILING"))
        return max(0, MIN_LINKS - self.reviewed_links, by_rate)

    def with_labels(self, correct: int, incorrect: int) -> "HeuristicStatus":
        """Return the status with this many more links of each label; negative for cleared ones."""
        reviewed, right = self.reviewed_links + correct + incorrect, self.correct_links + correct
        return replace(
            self,
            reviewed_links=reviewed,
            correct_links=right,
            incorrect_links=reviewed - right,
            unreviewed_links=self.total_links - reviewed,
            precision_rate=round(Decimal(right) / reviewed, 4) if reviewed else None,
            can_promote=reviewed >= MIN_LINKS and right >= MIN_PRECISION * reviewed,
        )

    def __str__(self) -> str:
        rule = "met" if self.can_promote else "not met"
        return f"{self.correct_links:,} of {self.reviewed_links:,} right, rule {rule}"


def list_heuristics() -> list[str]:
    """Return the names of all heuristics that have proposed a link, sorted."""
    return sql.read_distinct_values("link_audit", "heuristic_applied")


def read_precision(
    heuristic: str, start: datetime | None = None, end: datetime | None = None
) -> PrecisionCounts | None:
    """Return the precision over links created from `start` to `end`, both included, or None without any link.

    None as `start` or `end` leaves that side open.
    """
    found = sql.call("get_heuristic_precision", heuristic, start, end, of=PrecisionCounts)
    return found[0] if found else None


def list_statuses(heuristics: Collection[str] | None = None) -> list[HeuristicStatus]:
    """Return the status of each of these heuristics that has proposed a link; by default of all, by name."""
    names = list_heuristics() if heuristics is None else list(heuristics)
    return sql.rows(STATUSES, [MIN_PRECISION, MIN_LINKS, names], of=HeuristicStatus)


def read_status(heuristic: str) -> HeuristicStatus | None:
    """Return the status of one heuristic, or None if it has no links."""
    # PostgreSQL refuses a NUL character as a parameter; no heuristic has such a name.
    return None if "\x00" in heuristic else next(iter(list_statuses([heuristic])), None)


def find_link(audit_id: int) -> LinkAudit | None:
    """Return a link with its asset and document, or None if it does not exist."""
    return LinkAudit.objects.select_related("asset", "doc").filter(pk=audit_id).first()


def list_active_decisions(reviewer: User) -> QuerySet[LinkReview]:
    """Return a reviewer's decisions that were not undone, newest first."""
    undone = LinkReview.objects.filter(
        audit_id=OuterRef("audit_id"), supersedes=OuterRef("pk"), decision=LinkReview.Decision.UNDONE
    )
    decisions = LinkReview.objects.filter(~Exists(undone), reviewer=reviewer.get_username())
    return decisions.exclude(decision=LinkReview.Decision.UNDONE)
