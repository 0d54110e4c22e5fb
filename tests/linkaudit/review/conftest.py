"""Samples to review, and what people do with them."""

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

# A word that stands on no page by itself.
HEURISTIC = "HP-77"


def draw(size: int = 100, share: float = 0, heuristic: str = HEURISTIC) -> int:
    """Draw a sample."""
    return int(sql.scalar("draw_review_sample", heuristic, size, share, "precision", 1, "olga"))


def make_links(count: int, **fields: Any) -> list[LinkAudit]:
    """Make open links whose documents name asset and trial."""
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
    """A person before the desk."""

    client: Client
    username: str

    def claim(self, **given: str) -> HttpResponse:
        """Press "Start"."""
        return self.client.post("/review/claim/", given)  # type: ignore[return-value]

    def address(self) -> str:
        """Take a place and return where it is."""
        return str(self.claim()["Location"])

    def say(self, address: str, decision: str, note: str = "") -> HttpResponse:
        """Press a decision."""
        return self.client.post(address, {"decision": decision, "note": note})  # type: ignore[return-value]


@pytest.fixture
def sign_in() -> Callable[..., Reviewer]:
    """Sign in as a person."""

    def sign_in_as(username: str = "rita", role: Role = Role.REVIEWER) -> Reviewer:
        client = Client()
        client.force_login(make_user(role, username=username))
        return Reviewer(client, username)

    return sign_in_as


def place_at(address: str) -> ReviewSlot:
    """The place that an address shows."""
    return ReviewSlot.objects.get(lease_token=address.split("/")[2])


def end_leases() -> None:
    """Let all leases end."""
    sql.execute("UPDATE review_slots SET lease_until = now() - interval '1 second' WHERE state = 'open'")
