"""A heuristic that meets the promotion rule, and an operator."""

import pytest
from django.contrib.auth.models import User

from linkaudit.models import LinkAudit, LinkReview
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_asset, make_document, make_link_audit, make_trial, make_user


@pytest.fixture
def olga() -> User:
    """An operator, who may promote."""
    return make_user(Role.OPERATOR)


def make_promotable(heuristic: str = "HP-1", right: int = 58, opened: int = 4) -> list[LinkAudit]:
    """Create links of one document: some right, one wrong, some open, one disputed, one of an unknown trial."""
    trial, document = make_trial(), make_document("A record.")
    values = {"heuristic_applied": heuristic, "nct_id": trial.nct_id, "doc": document}
    assets = [make_asset() for _ in range(3)]
    links = [
        make_link_audit(**values, asset=assets[number % 3], label=True if number < right else None)
        for number in range(right + opened)
    ]
    make_link_audit(**values, asset=assets[0], label=False)
    disputed = make_link_audit(**values, asset=assets[0])
    sql.scalar("record_link_review", disputed.pk, "unsure", "rita", "queue")
    make_link_audit(**{**values, "nct_id": "NCT99999999"}, asset=assets[0])
    return links


def decide(audit: LinkAudit, decision: str, reviewer: str = "rita", mode: str = LinkReview.Mode.PAGE) -> None:
    """Record a decision on a link."""
    sql.scalar("record_link_review", audit.pk, decision, reviewer, mode, "the number is another's")
