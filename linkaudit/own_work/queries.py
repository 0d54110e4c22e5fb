"""Reads of a reviewer's own decisions and pace, and of the pace of the team."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from linkaudit.models import AssetAlias, LinkAudit, LinkReview
from linkaudit.queries import IS_ACTIVE
from ncfd_site.core import sql
from ncfd_site.core.lists import ANY, ListForm, ListPage, Selection, make_search_field, read_page

# A duration this many times outside the middle half of the reviewer's durations is marked.
OUTLIER_FACTOR = 4
# Quartiles of fewer durations are mostly chance.
MIN_DURATIONS = 20
STATES = {"current": "current", "corrected": "corrected", "undone": "undone", "any": "any"}

# The conditions of `correct_review`, for the decisions of one page.
CORRECTABLE = """
SELECT coalesce(array_agg(s.review_id), '{}') FROM review_slots s
WHERE s.audit_id = ANY (%(links)s) AND s.review_id = ANY (%(reviews)s) AND s.reviewer = %(reviewer)s
  AND NOT EXISTS (SELECT FROM interim_analyses l WHERE l.sample_id = s.sample_id AND l.size >= s.position)
  AND EXISTS (SELECT FROM effective_link_reviews(s.audit_id) c WHERE c.review_id = s.review_id)
"""
PACES = f"""
SELECT r.reviewer, count(*) AS total,
    count(*) FILTER (WHERE r.reviewed_at >= date_trunc('day', now(), 'UTC')) AS today,
    count(*) FILTER (WHERE r.reviewed_at >= now() - interval '7 days') AS week, count(r.seconds) AS timed,
    percentile_cont(0.25) WITHIN GROUP (ORDER BY r.seconds)::numeric(9, 1) AS low,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.seconds)::numeric(9, 1) AS median,
    percentile_cont(0.75) WITHIN GROUP (ORDER BY r.seconds)::numeric(9, 1) AS high
FROM link_reviews r
WHERE r.mode = 'queue' AND r.decision <> 'undone' AND r.reviewer = coalesce(%(reviewer)s, r.reviewer)
  AND {IS_ACTIVE.format("r")}
GROUP BY r.reviewer ORDER BY r.reviewer
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Pace:
    """Number of a reviewer's queue decisions, and quartiles of their durations in seconds."""

    reviewer: str
    total: int = 0
    today: int = 0
    week: int = 0
    timed: int = 0
    low: Decimal | None = None
    median: Decimal | None = None
    high: Decimal | None = None

    def describe_outlier(self, seconds: Decimal | None) -> str:
        """Return "unusually short" or "unusually long" for such a duration, else ""."""
        if seconds is None or self.low is None or self.high is None or self.timed < MIN_DURATIONS:
            return ""
        if seconds < self.low / OUTLIER_FACTOR:
            return "unusually short"
        return "unusually long" if seconds > self.high * OUTLIER_FACTOR else ""


@dataclass(frozen=True, slots=True)
class OwnFilter(Selection):
    """A selection of the user's decisions."""

    q: str = ""
    decision: str = ""
    mode: str = ""
    state: str = "current"

    def describe(self, name: str, value: Any) -> str:
        """Return a filter in words."""
        return f"search: {value}" if name == "q" else str(dict(LinkReview.Mode.choices).get(value, value))


class OwnFilterForm(ListForm[OwnFilter]):
    """The filters of the user's decisions."""

    selection_class = OwnFilter

    q = make_search_field("NCT ID, asset or note")
    decision = forms.ChoiceField(
        label="Decision",
        required=False,
        choices=[ANY, *(each for each in LinkReview.Decision.choices if each[0] != LinkReview.Decision.UNDONE)],
    )
    mode = forms.ChoiceField(label="Entered via", required=False, choices=[ANY, *LinkReview.Mode.choices])
    state = forms.ChoiceField(label="State", required=False, choices=STATES.items())


@dataclass(frozen=True, slots=True)
class OwnDecision:
    """A decision with its link (None: deleted), its state, whether it can be corrected, and its outlier mark."""

    review: LinkReview
    audit: LinkAudit | None
    state: str
    can_correct: bool
    outlier: str


def list_own_decisions(user: User) -> QuerySet[Any]:
    """Return the user's decisions, newest first, with `is_undone` and `is_corrected`."""
    later = LinkReview.objects.filter(audit_id=OuterRef("audit_id"), pk__gt=OuterRef("pk"))
    undone = later.filter(supersedes=OuterRef("pk"), decision=LinkReview.Decision.UNDONE)
    is_correction = Q(supersedes=OuterRef("pk")) | Q(supersedes=OuterRef("supersedes"))
    corrections = later.filter(is_correction, reviewer=user.get_username(), mode=LinkReview.Mode.QUEUE)
    corrections = corrections.exclude(decision=LinkReview.Decision.UNDONE)
    rows = LinkReview.objects.filter(reviewer=user.get_username()).exclude(decision=LinkReview.Decision.UNDONE)
    return rows.annotate(is_undone=Exists(undone), is_corrected=Exists(corrections)).order_by("-pk")


def read_own_page(selection: OwnFilter, number: int, user: User, pace: Pace) -> ListPage[OwnDecision]:
    """Read a page of the user's decisions."""
    rows = list_own_decisions(user)
    if selection.decision:
        rows = rows.filter(decision=selection.decision)
    if selection.mode:
        rows = rows.filter(mode=selection.mode)
    if selection.state == "corrected":
        rows = rows.filter(is_corrected=True)
    elif selection.state != "any":
        rows = rows.filter(is_corrected=False, is_undone=selection.state == "undone")
    if selection.q:
        assets = AssetAlias.objects.filter(alias__icontains=selection.q).values("asset_id")
        is_found = Q(nct_id__istartswith=selection.q) | Q(note__icontains=selection.q) | Q(asset_id__in=assets)
        rows = rows.filter(is_found)
    page = read_page(rows, number)
    return page.with_rows(_describe_decisions(page.rows, user, pace))


def find_own_decision(review_id: int, user: User) -> OwnDecision | None:
    """Return a decision of the user, or None."""
    found = list_own_decisions(user).filter(pk=review_id)
    return next(iter(_describe_decisions(list(found), user, Pace(user.get_username()))), None)


def read_pace(user: User) -> Pace:
    """Return the user's pace."""
    return next(iter(sql.rows(PACES, {"reviewer": user.get_username()}, of=Pace)), Pace(user.get_username()))


def list_paces() -> list[Pace]:
    """Return the pace of every reviewer, by name."""
    return sql.rows(PACES, {"reviewer": None}, of=Pace)


def _describe_decisions(reviews: Sequence[LinkReview], user: User, pace: Pace) -> list[OwnDecision]:
    links = [review.audit_id for review in reviews]
    values = {"links": links, "reviews": [review.pk for review in reviews], "reviewer": user.get_username()}
    correctable = set(sql.value(CORRECTABLE, values)) if reviews else set()
    audits = LinkAudit.objects.select_related("asset", "doc").defer("evidence_jsonb").in_bulk(links)
    return [
        OwnDecision(
            review,
            audits.get(review.audit_id),
            "corrected" if review.is_corrected else "undone" if review.is_undone else "current",  # type: ignore[attr-defined]
            review.pk in correctable,
            pace.describe_outlier(review.seconds),
        )
        for review in reviews
    ]
