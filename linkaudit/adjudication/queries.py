"""Reads of links awaiting adjudication."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from linkaudit.models import LinkAudit, LinkDisagreement
from ncfd_site.core import sql

MAX_SHOWN = 200

OPINIONS = """
SELECT r.audit_id, r.reviewer, r.decision, r.note, r.reviewed_at
FROM unnest(%s::bigint[]) wanted (audit_id) CROSS JOIN LATERAL effective_link_reviews(wanted.audit_id) r
ORDER BY r.audit_id, r.review_id
"""


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


def _read_opinions(audit_ids: Collection[int]) -> dict[int, list[Opinion]]:
    found: dict[int, list[Opinion]] = {}
    for opinion in sql.rows(OPINIONS, [list(audit_ids)], of=Opinion):
        found.setdefault(opinion.audit_id, []).append(opinion)
    return found
