"""Reads of link audits and of the heuristics that proposed them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet

from linkaudit.models import LinkReview
from linkaudit.wilson import Interval, wilson_interval
from ncfd_site.core import sql

# The gate of the contract: `can_auto_promote_heuristic` has the same defaults.
MIN_PRECISION = Decimal("0.95")
MIN_LINKS = 50

STANDINGS = """
SELECT p.*, can_auto_promote_heuristic(n.name, %s, %s) AS can_promote
FROM unnest(%s::text[]) WITH ORDINALITY n(name, position) CROSS JOIN LATERAL get_heuristic_precision(n.name) p
ORDER BY n.position
"""


@dataclass(frozen=True, slots=True)
class Precision:
    """One row of `get_heuristic_precision`: counts of links, and right / reviewed at four digits or None."""

    heuristic: str
    total_links: int
    reviewed_links: int
    correct_links: int
    incorrect_links: int
    unreviewed_links: int
    precision_rate: Decimal | None

    @property
    def interval(self) -> Interval | None:
        """The Wilson 95 % interval of right out of reviewed; None where nothing is reviewed."""
        return wilson_interval(self.correct_links, self.reviewed_links)


@dataclass(frozen=True, slots=True)
class HeuristicStanding(Precision):
    """Where a heuristic stands: its precision, and whether the database's gate lets its links be promoted."""

    can_promote: bool


def heuristic_names() -> list[str]:
    """Return the name of every heuristic that has proposed a link, sorted."""
    return sql.read_distinct_values("link_audit", "heuristic_applied")


def heuristic_precision(heuristic: str, start: datetime | None = None, end: datetime | None = None) -> Precision | None:
    """Return what `get_heuristic_precision` says, or None for a heuristic without links.

    Counts the links created from `start` to `end`, both inclusive; None leaves that side open.
    """
    found = sql.call("get_heuristic_precision", heuristic, start, end, of=Precision)
    return found[0] if found else None


def can_auto_promote(heuristic: str, min_precision: Decimal = MIN_PRECISION, min_links: int = MIN_LINKS) -> bool:
    """Return what `can_auto_promote_heuristic` says: enough reviewed links, and enough of them right."""
    return bool(sql.scalar("can_auto_promote_heuristic", heuristic, min_precision, min_links))


def heuristic_standing(heuristic: str) -> HeuristicStanding | None:
    """Return the standing of one heuristic, or None where it has no links."""
    return next(iter(_standings([heuristic])), None)


def heuristics() -> list[HeuristicStanding]:
    """Return the standing of every heuristic that has proposed a link, by name."""
    return _standings(heuristic_names())


def _standings(names: list[str]) -> list[HeuristicStanding]:
    return sql.rows(STANDINGS, [MIN_PRECISION, MIN_LINKS, names], of=HeuristicStanding)


def reviews_needed(
    correct: int, reviewed: int, min_precision: Decimal = MIN_PRECISION, min_links: int = MIN_LINKS
) -> int:
    """Return the fewest more reviewed links, all right, after which the gate can open; 0 where it is open already.

    Raises ValueError where `min_precision` is 1 and a link is wrong already: no number is enough.
    """
    by_count = max(0, min_links - reviewed)
    lacking = min_precision * reviewed - correct
    if lacking <= 0:
        return by_count
    if min_precision >= 1:
        raise ValueError("a precision of 1 cannot be reached once a link is wrong")
    by_rate = int((lacking / (1 - min_precision)).to_integral_value(rounding="ROUND_CEILING"))
    return max(by_count, by_rate)


def standing_reviews() -> QuerySet[LinkReview]:
    """Return all decisions but those that were taken back, the newest first."""
    retractions = LinkReview.objects.filter(
        audit_id=OuterRef("audit_id"), supersedes=OuterRef("pk"), decision=LinkReview.Decision.UNDONE
    )
    return LinkReview.objects.exclude(decision=LinkReview.Decision.UNDONE).filter(~Exists(retractions))


def said_by(reviewer: str, audit_id: int) -> QuerySet[LinkReview]:
    """Return what a person says of a link, the newest first; what the person took back is not among it."""
    return standing_reviews().filter(reviewer=reviewer, audit_id=audit_id)


def history(audit_id: int) -> list[LinkReview]:
    """Return everything that was ever said of a link, the oldest first."""
    return list(LinkReview.objects.filter(audit_id=audit_id).order_by("pk"))
