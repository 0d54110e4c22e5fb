"""Reads of promotions: what one would promote, what was promoted, and what was said of it since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from linkaudit.models import LinkAudit, LinkPromotion, LinkPromotionItem
from ncfd_site.core import sql
from ncfd_site.core.lists import PAGE_SIZE, ListPage, Selection, read_page

# Pending links that a preview looks at, links whose rows are counted, and later decisions that are counted and shown.
MOST_PENDING = 200_000
MOST_ROWS = 100_000
MOST_WRONG = 1_000
WRONG_SHOWN = 50

# The same rule as that of promote_links. A link that stays for several reasons is counted under the first of them.
PREVIEW = """
WITH pending AS MATERIALIZED (
    SELECT audit_id, nct_id, label FROM link_audit
    WHERE heuristic_applied = %(heuristic)s AND promotion_status = 'pending' LIMIT %(most)s + 1
), seen AS (SELECT * FROM pending LIMIT %(most)s),
judged AS (
    SELECT s.label IS NOT DISTINCT FROM false AS wrong,
           EXISTS (SELECT FROM link_disagreements d WHERE d.audit_id = s.audit_id) AS disputed,
           NOT EXISTS (SELECT FROM trials t WHERE t.nct_id = s.nct_id) AS unknown_trial
    FROM seen s
)
SELECT count(*) FILTER (WHERE NOT wrong AND NOT disputed AND NOT unknown_trial) AS promotable,
       count(*) FILTER (WHERE wrong) AS wrong,
       count(*) FILTER (WHERE NOT wrong AND disputed) AS disputed,
       count(*) FILTER (WHERE NOT wrong AND NOT disputed AND unknown_trial) AS unknown_trial,
       (SELECT count(*) FROM pending) > %(most)s AS cut_off
FROM judged
"""
MADE = """
SELECT count(*) AS links, count(trial_xref_id) AS trial_rows,
       coalesce(sum(cardinality(study_xref_ids)), 0)::bigint AS study_rows, count(*) = %(most)s AS cut_off
FROM (SELECT trial_xref_id, study_xref_ids FROM link_promotion_items
      WHERE promotion_id = %(promotion)s LIMIT %(most)s) r
"""
LATER_WRONG = """
SELECT DISTINCT ON (r.audit_id) r.audit_id, r.reviewer, r.mode, r.note, r.reviewed_at AS said_at
FROM link_reviews r JOIN link_promotion_items p ON p.audit_id = r.audit_id AND p.promotion_id = %(promotion)s
WHERE r.heuristic = %(heuristic)s AND r.decision = 'wrong' AND greatest(r.reviewed_at, r.recorded_at) > %(since)s
  AND NOT EXISTS (SELECT FROM link_reviews t
                  WHERE t.audit_id = r.audit_id AND t.decision = 'undone' AND t.supersedes = r.review_id)
ORDER BY r.audit_id, r.review_id DESC LIMIT %(most)s + 1
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a promotion would do with the pending links; `cut_off` where there are more than were looked at."""

    promotable: int
    wrong: int
    disputed: int
    unknown_trial: int
    cut_off: bool

    @property
    def staying(self) -> int:
        """How many would stay pending."""
        return self.wrong + self.disputed + self.unknown_trial


@dataclass(frozen=True, slots=True)
class Made:
    """Links of a promotion, and the rows that were made for them; `cut_off` where there are more than were counted."""

    links: int
    trial_rows: int
    study_rows: int
    cut_off: bool

    @property
    def rows(self) -> int:
        """Rows of both cross-references."""
        return self.trial_rows + self.study_rows


@dataclass(frozen=True, slots=True)
class LaterWrong:
    """The last time that somebody said "wrong" of a link after it was promoted."""

    audit_id: int
    reviewer: str | None
    mode: str
    note: str | None
    said_at: datetime


@dataclass(frozen=True, slots=True)
class PromotedLink:
    """One link of a promotion: the rows made for it, and the link as it is now, None where it is gone."""

    row: LinkPromotionItem
    audit: LinkAudit | None


def preview(heuristic: str) -> Preview:
    """Count what a promotion would do, among the first `MOST_PENDING` pending links of the heuristic."""
    return sql.rows(PREVIEW, {"heuristic": heuristic, "most": MOST_PENDING}, of=Preview)[0]


@dataclass(frozen=True, slots=True)
class PromotionFilter(Selection):
    """A selection of promotions."""

    heuristic: str = ""


def promotion_page(selection: PromotionFilter, number: int) -> ListPage[LinkPromotion]:
    """Read a page of a selection, newest first."""
    promotions = LinkPromotion.objects.order_by("-pk")
    if selection.heuristic:
        promotions = promotions.filter(heuristic=selection.heuristic)
    return read_page(promotions, number)


def made_by(promotion: LinkPromotion) -> Made:
    """Count the rows that a promotion made, for its first `MOST_ROWS` links."""
    return sql.rows(MADE, {"promotion": promotion.pk, "most": MOST_ROWS}, of=Made)[0]


def later_wrong(promotion: LinkPromotion) -> list[LaterWrong]:
    """Return, once for each link, who called it wrong after it was promoted: `MOST_WRONG` of them and one more."""
    given = {
        "promotion": promotion.pk,
        "heuristic": promotion.heuristic,
        "since": promotion.promoted_at,
        "most": MOST_WRONG,
    }
    return sql.rows(LATER_WRONG, given, of=LaterWrong)


def promoted_links(promotion: LinkPromotion, after: int) -> tuple[list[PromotedLink], int | None]:
    """Return the links of a promotion behind the link `after`, a page of them, and where the next page goes on."""
    rows = list(
        LinkPromotionItem.objects.filter(promotion_id=promotion.pk, audit_id__gt=after).order_by("audit_id")[
            : PAGE_SIZE + 1
        ]
    )
    shown = rows[:PAGE_SIZE]
    audits = _audits([row.audit_id for row in shown])
    links = [PromotedLink(row, audits.get(row.audit_id)) for row in shown]
    return links, shown[-1].audit_id if len(rows) > PAGE_SIZE else None


def _audits(audit_ids: Sequence[int]) -> dict[int, LinkAudit]:
    found = LinkAudit.objects.select_related("asset").defer("evidence_jsonb", "review_notes").filter(pk__in=audit_ids)
    return {audit.pk: audit for audit in found}
