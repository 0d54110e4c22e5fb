"""Samples to review, and reviewers at the desk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from linkaudit.models import LinkAudit, ReviewSlot
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_asset, make_document, make_link_audit, make_user

# This name appears on no page by itself.
HEURISTIC = "HP-77"


def draw(size: int = 100, share: float = 0, heuristic: str = HEURISTIC) -> int:
    """Draw a sample; return its id."""
    return int(sql.scalar("draw_review_sample", heuristic, size, share, "precision", 1, "olga"))


def make_links(count: int, **fields: Any) -> list[LinkAudit]:
    """Create open links whose documents mention asset and trial."""
    return [
        make_link_audit(
            heuristic_applied=HEURISTIC,
            nct_id=f"NCT1000000{number}",
            asset=make_asset(f"AB-10{number}"),
            doc=make_document(f"NCT1000000{number}: a trial\n\nInterventions\n- Drug: AB-10{number}"),
            **{"confidence": "0.73", "evidence_jsonb": {"rule": HEURISTIC}, **fields},
        )
        for number in range(count)
    ]


@dataclass(frozen=True)
class Reviewer:
    """A reviewer with a browser."""

    client: Client
    username: str

    def lease(self, **fields: str) -> HttpResponse:
        """Lease a slot."""
        return self.client.post("/review/lease/", fields)  # type: ignore[return-value]

    def lease_address(self) -> str:
        """Lease a slot; return its address."""
        return str(self.lease()["Location"])

    def decide(self, address: str, decision: str, note: str = "") -> HttpResponse:
        """Send a decision."""
        return self.client.post(address, {"decision": decision, "note": note})  # type: ignore[return-value]


@pytest.fixture
def sign_in() -> Callable[..., Reviewer]:
    """Return a function that signs a user in."""

    def sign_in_as(username: str = "rita", role: Role = Role.REVIEWER) -> Reviewer:
        client = Client()
        client.force_login(make_user(role, username=username))
        return Reviewer(client, username)

    return sign_in_as


def slot_at(address: str) -> ReviewSlot:
    """Return the slot at an address."""
    return ReviewSlot.objects.get(lease_token=address.split("/")[2])


def expire_leases() -> None:
    """Let all leases expire."""
    sql.execute("UPDATE review_slots SET lease_until = now() - interval '1 second' WHERE state = 'open'")
