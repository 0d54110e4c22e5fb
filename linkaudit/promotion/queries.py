"""Reads of promotions: a preview, the promoted links, and decisions against them."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from linkaudit.blinding import exclude_blind, list_blind
from linkaudit.models import LinkAudit, LinkPromotion, LinkPromotionItem, LinkReview
from linkaudit.queries import IS_ACTIVE
from ncfd_site.core import sql
from ncfd_site.core.lists import PAGE_SIZE, Selection

# Limits: pending links in a preview, links whose rows are counted, and errors counted and shown.
MAX_PENDING = 200_000
MAX_ROWS = 100_000
MAX_ERRORS = 1_000
MAX_ERRORS_SHOWN = 50

# The rule of `promote_links`. A link that stays pending for several reasons is counted under the first.
PREVIEW = """
WITH pending AS MATERIALIZED (
    SELECT audit_id, nct_id, label FROM link_audit
    WHERE heuristic_applied = %(heuristic)s AND promotion_status = 'pending' LIMIT %(limit)s + 1
), seen AS (SELECT * FROM pending LIMIT %(limit)s),
checked AS (
    SELECT s.label IS NOT DISTINCT FROM false AS wrong,
           EXISTS (SELECT FROM link_disagreements d WHERE d.audit_id = s.audit_id) AS disputed,
           NOT EXISTS (SELECT FROM trials t WHERE t.nct_id = s.nct_id) AS unknown_trial
    FROM seen s
)
SELECT count(*) FILTER (WHERE NOT wrong AND NOT disputed AND NOT unknown_trial) AS promotable,
       count(*) FILTER (WHERE wrong) AS wrong,
       count(*) FILTER (WHERE NOT wrong AND disputed) AS disputed,
       count(*) FILTER (WHERE NOT wrong AND NOT disputed AND unknown_trial) AS unknown_trial,
       (SELECT count(*) FROM pending) > %(limit)s AS is_partial
FROM checked
"""
CREATED = """
SELECT count(trial_xref_id) AS trial_rows, coalesce(sum(cardinality(study_xref_ids)), 0)::bigint AS study_rows,
       count(*) = %(limit)s AS is_partial
FROM (SELECT trial_xref_id, study_xref_ids FROM link_promotion_items
      WHERE promotion_id = %(promotion)s LIMIT %(limit)s) r
"""
LATER_ERRORS = f"""
SELECT DISTINCT ON (r.audit_id) r.audit_id, r.reviewer, r.mode, r.note, r.reviewed_at
FROM link_reviews r JOIN link_promotion_items p ON p.audit_id = r.audit_id AND p.promotion_id = %(promotion)s
WHERE r.heuristic = %(heuristic)s AND r.decision = 'wrong' AND greatest(r.reviewed_at, r.recorded_at) > %(since)s
  AND {IS_ACTIVE.format("r")}
ORDER BY r.audit_id, r.review_id DESC LIMIT %(limit)s + 1
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PromotionFilter(Selection):
    """A selection of promotions."""

    heuristic: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """Pending links by what a promotion does with them; `is_partial` if there are more than were checked."""

    promotable: int
    wrong: int
    disputed: int
    unknown_trial: int
    is_partial: bool

    @property
    def staying(self) -> int:
        """Number of links that stay pending."""
        return self.wrong + self.disputed + self.unknown_trial


@dataclass(frozen=True, slots=True)
class CreatedRows:
    """Cross-reference rows that a promotion created; `is_partial` if there are more than were counted."""

    trial_rows: int
    study_rows: int
    is_partial: bool

    @property
    def total(self) -> int:
        """Rows of both kinds."""
        return self.trial_rows + self.study_rows


@dataclass(frozen=True, slots=True)
class LaterError:
    """The last decision "wrong" on a link after its promotion."""

    audit_id: int
    reviewer: str | None
    mode: str
    note: str | None
    reviewed_at: datetime

    @property
    def mode_label(self) -> str:
        """The mode in words."""
        return str(dict(LinkReview.Mode.choices).get(self.mode, self.mode))


@dataclass(frozen=True, slots=True)
class PromotedLink:
    """One link of a promotion with its current row, None if the link was deleted."""

    item: LinkPromotionItem
    audit: LinkAudit | None


def read_preview(heuristic: str) -> Preview:
    """Count what a promotion would do with the pending links of a heuristic, at most `MAX_PENDING` of them."""
    return sql.rows(PREVIEW, {"heuristic": heuristic, "limit": MAX_PENDING}, of=Preview)[0]


def count_created_rows(promotion: LinkPromotion) -> CreatedRows:
    """Count the rows that a promotion created for its first `MAX_ROWS` links."""
    return sql.rows(CREATED, {"promotion": promotion.pk, "limit": MAX_ROWS}, of=CreatedRows)[0]


def list_later_errors(promotion: LinkPromotion, user: User) -> list[LaterError]:
    """Return the links of a promotion that were decided wrong since, each once, at most `MAX_ERRORS` + 1.

    Links hidden from the user are omitted, here and in `list_promoted_links`.
    """
    values = {
        "promotion": promotion.pk,
        "heuristic": promotion.heuristic,
        "since": promotion.promoted_at,
        "limit": MAX_ERRORS,
    }
    found = sql.rows(LATER_ERRORS, values, of=LaterError)
    hidden = set(list_blind(user, pk__in=[each.audit_id for each in found])) if found else ()
    return [each for each in found if each.audit_id not in hidden]


def list_promoted_links(promotion: LinkPromotion, after: int, user: User) -> tuple[list[PromotedLink], int | None]:
    """Return one page of the links of a promotion after link `after`, and the start of the next page, or None."""
    items = LinkPromotionItem.objects.filter(promotion_id=promotion.pk, audit_id__gt=after)
    found = list(exclude_blind(items, user).order_by("audit_id")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    audits = (
        LinkAudit.objects.select_related("asset")
        .defer("evidence_jsonb", "review_notes")
        .in_bulk([item.audit_id for item in shown])
    )
    links = [PromotedLink(item, audits.get(item.audit_id)) for item in shown]
    return links, shown[-1].audit_id if len(found) > PAGE_SIZE else None
