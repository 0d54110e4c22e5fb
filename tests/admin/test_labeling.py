"""Labeling of one link in the admin."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from linkaudit.models import LinkAudit
from linkaudit.services import label_link
from tests import factories
from tests.admin.conftest import person

pytestmark = pytest.mark.django_db

LIST = "admin:linkaudit_linkaudit_changelist"


def label(client: Client, audit: LinkAudit, decision: str, **fields: str) -> list[str]:
    """Send a decision from the page of a link; return the messages."""
    address = reverse("admin:linkaudit_linkaudit_label", args=[audit.pk])
    answer = client.post(address, {"decision": decision, "seen_at": audit.updated_at.isoformat(), "note": "", **fields})
    assert answer.status_code == 302
    return read_messages(answer)


def label_many(client: Client, keys: list[int], action: str, **fields: str) -> list[str]:
    """Run an action of the list on selected links; return the messages."""
    answer = client.post(reverse(LIST), {"action": action, "index": "0", "_selected_action": keys, **fields})
    assert answer.status_code == 302
    return read_messages(answer)


def read_messages(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize(("decision", "written"), [("right", True), ("wrong", False)])
def test_label_is_written_with_its_columns(decision: str, written: bool, signed_in: Any) -> None:
    audit = factories.make_link_audit()
    assert label(signed_in("reviewer"), audit, decision, note="as the title states") == [
        f"Link {audit.pk} is {decision}."
    ]
    audit.refresh_from_db()
    assert (audit.label, audit.label_source, audit.reviewed_by) == (written, "human_review", "rita")
    assert audit.reviewed_at is not None
    assert audit.review_notes == "as the title states"
    assert audit.promotion_status == "pending"


def test_label_is_cleared(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True)
    assert label(signed_in("reviewer"), audit, "cleared") == [f"Link {audit.pk} is open."]
    audit.refresh_from_db()
    assert (audit.label, audit.label_source, audit.reviewed_by, audit.reviewed_at) == (None, None, None, None)


def test_label_is_in_the_history(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in("reviewer")
    label(client, audit, "right")
    page = client.get(reverse("admin:linkaudit_linkaudit_history", args=[audit.pk])).content.decode()
    assert "Labeled right." in page
    assert "rita" in page


def test_repeated_label_changes_nothing(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True)
    assert label(signed_in("reviewer"), audit, "right") == [f"Link {audit.pk} was already right. Nothing was changed."]
    assert not LogEntry.objects.exists()


def test_concurrent_label_is_kept(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in("reviewer")
    label_link(audit.pk, False, actor=person("adjudicator"))
    (message,) = label(client, audit, "right")
    assert "was changed" in message
    assert message.count("Nothing was") == 1
    audit.refresh_from_db()
    assert (audit.label, audit.reviewed_by) == (False, "adam")


def test_reviewer_may_not_change_the_label_of_another(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True, reviewed_by="adam")
    client = signed_in("reviewer")
    (message,) = label(client, audit, "wrong")
    assert "adam" in message
    page = client.get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert "was labeled by adam" in page
    assert 'name="decision"' not in page
    audit.refresh_from_db()
    assert audit.label is True


def test_adjudicator_may_change_the_label_of_another(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True)
    assert label(signed_in("adjudicator"), audit, "wrong") == [f"Link {audit.pk} is wrong."]


@pytest.mark.parametrize(
    "fields", [{"decision": "perhaps"}, {"decision": ""}, {"seen_at": ""}, {"seen_at": "2024-13-45"}]
)
def test_incomplete_form_changes_nothing(fields: dict[str, str], signed_in: Any) -> None:
    audit = factories.make_link_audit()
    (message,) = label(signed_in("reviewer"), audit, **{"decision": "right", **fields})
    assert message.startswith("The form was incomplete.")
    audit.refresh_from_db()
    assert audit.label is None


def test_deleted_link_is_reported(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    LinkAudit.objects.all().delete()
    (message,) = label(signed_in("reviewer"), audit, "right")
    assert str(audit.pk) in message


@pytest.mark.parametrize("who", ["operator", "analyst"])
def test_roles_that_may_not_label_see_no_buttons(who: str, signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in(who)
    page = client.get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert 'name="decision"' not in page
    assert "label_right" not in client.get(reverse(LIST)).content.decode()
    # The action is unknown for these roles, so the list is shown again.
    client.post(reverse(LIST), {"action": "label_right", "index": "0", "_selected_action": [audit.pk]})
    audit.refresh_from_db()
    assert audit.label is None


def test_admin_never_deletes_a_link(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in("superuser")
    label_many(client, [audit.pk], "delete_selected", post="yes")
    assert client.post(f"/admin/linkaudit/linkaudit/{audit.pk}/delete/", {"post": "yes"}).status_code == 404
    assert LinkAudit.objects.filter(pk=audit.pk).exists()


def test_evidence_is_highlighted(signed_in: Any) -> None:
    asset = factories.make_asset("Pembrolizumab", "MK-3475")
    evidence = {"quote": "NCT01234567 tests MK 3475 <script>", "offsets": [3, 17], "page": {"number": 2}}
    audit = factories.make_link_audit(asset=asset, nct_id="NCT01234567", evidence_jsonb=evidence)
    page = signed_in("reviewer").get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert '<mark class="trial">NCT01234567</mark> tests <mark class="asset">MK 3475</mark> &lt;script&gt;' in page
    assert "<dt>Quote</dt>" in page
    assert "also MK-3475" in page


def test_page_links_to_the_site(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    page = signed_in("reviewer").get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert reverse("linkaudit:link", args=[audit.pk]) in page
