"""Labelling a link in the admin, from its page; many at once are in tests/linkaudit/test_bulk.py."""

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


def label(client: Client, audit: LinkAudit, decision: str, **given: str) -> list[str]:
    """Press a button on a link's page; return what the page says then."""
    address = reverse("admin:linkaudit_linkaudit_label", args=[audit.pk])
    answer = client.post(address, {"decision": decision, "seen_at": audit.updated_at.isoformat(), "note": "", **given})
    assert answer.status_code == 302
    return said(answer)


def label_many(client: Client, keys: list[int], action: str, **given: str) -> list[str]:
    """Run an action of the list on ticked links; return what the page says then."""
    answer = client.post(reverse(LIST), {"action": action, "index": "0", "_selected_action": keys, **given})
    assert answer.status_code == 302
    return said(answer)


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize(("decision", "written"), [("right", True), ("wrong", False)])
def test_a_reviewer_labels_a_link_with_everything_that_belongs_to_it(
    decision: str, written: bool, signed_in: Any
) -> None:
    audit = factories.make_link_audit()
    assert label(signed_in("reviewer"), audit, decision, note="as the title says") == [
        f"Link {audit.pk} is {decision} now."
    ]
    audit.refresh_from_db()
    assert (audit.label, audit.label_source, audit.reviewed_by) == (written, "human_review", "rita")
    assert audit.reviewed_at is not None
    assert audit.review_notes == "as the title says"
    assert audit.promotion_status == "pending"


def test_a_label_is_taken_back(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True)
    assert label(signed_in("reviewer"), audit, "cleared") == [f"Link {audit.pk} is cleared now."]
    audit.refresh_from_db()
    assert (audit.label, audit.label_source, audit.reviewed_by, audit.reviewed_at) == (None, None, None, None)


def test_what_was_done_stands_in_the_history_of_the_link(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in("reviewer")
    label(client, audit, "right")
    page = client.get(reverse("admin:linkaudit_linkaudit_history", args=[audit.pk])).content.decode()
    assert "Labelled right." in page
    assert "rita" in page


def test_the_same_label_twice_changes_nothing(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True)
    assert label(signed_in("reviewer"), audit, "right") == [f"Link {audit.pk} was right already, so nothing changed."]
    assert not LogEntry.objects.exists()


def test_a_link_that_somebody_labelled_meanwhile_is_left(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in("reviewer")
    label_link(audit.pk, False, actor=person("adjudicator"))
    (message,) = label(client, audit, "right")
    assert "changed while you were looking at it" in message
    assert message.count("Nothing was") == 1
    audit.refresh_from_db()
    assert (audit.label, audit.reviewed_by) == (False, "adam")


def test_a_reviewer_may_not_change_the_label_of_another(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True, reviewed_by="adam")
    client = signed_in("reviewer")
    (message,) = label(client, audit, "wrong")
    assert "adam" in message
    page = client.get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert "was labelled by adam" in page
    assert 'name="decision"' not in page
    audit.refresh_from_db()
    assert audit.label is True


def test_an_adjudicator_may(signed_in: Any) -> None:
    audit = factories.make_link_audit(label=True)
    assert label(signed_in("adjudicator"), audit, "wrong") == [f"Link {audit.pk} is wrong now."]


@pytest.mark.parametrize(
    "given", [{"decision": "perhaps"}, {"decision": ""}, {"seen_at": ""}, {"seen_at": "2024-13-45"}]
)
def test_a_form_that_is_not_complete_changes_nothing(given: dict[str, str], signed_in: Any) -> None:
    audit = factories.make_link_audit()
    (message,) = label(signed_in("reviewer"), audit, **{"decision": "right", **given})
    assert message.startswith("The form was not complete")
    audit.refresh_from_db()
    assert audit.label is None


def test_a_link_that_is_gone_is_named(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    LinkAudit.objects.all().delete()
    (message,) = label(signed_in("reviewer"), audit, "right")
    assert message.startswith(f"There is no link audit {audit.pk}: ")


@pytest.mark.parametrize("who", ["operator", "analyst"])
def test_who_may_not_label_sees_no_button_and_no_action(who: str, signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in(who)
    page = client.get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert 'name="decision"' not in page
    assert "label_right" not in client.get(reverse(LIST)).content.decode()
    # The action is not known to such a person, so the list is only shown again.
    client.post(reverse(LIST), {"action": "label_right", "index": "0", "_selected_action": [audit.pk]})
    audit.refresh_from_db()
    assert audit.label is None


def test_nothing_in_the_admin_deletes_a_link(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    client = signed_in("superuser")
    label_many(client, [audit.pk], "delete_selected", post="yes")
    assert client.post(f"/admin/linkaudit/linkaudit/{audit.pk}/delete/", {"post": "yes"}).status_code == 404
    assert LinkAudit.objects.filter(pk=audit.pk).exists()


def test_the_evidence_is_readable_with_asset_and_trial_marked(signed_in: Any) -> None:
    asset = factories.make_asset("Pembrolizumab", "MK-3475")
    evidence = {"quote": "NCT01234567 tests MK 3475 <script>", "offsets": [3, 17], "page": {"number": 2}}
    audit = factories.make_link_audit(asset=asset, nct_id="NCT01234567", evidence_jsonb=evidence)
    page = signed_in("reviewer").get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert '<mark class="trial">NCT01234567</mark> tests <mark class="asset">MK 3475</mark> &lt;script&gt;' in page
    assert "<dt>Quote</dt>" in page
    assert "also MK-3475" in page


def test_the_page_of_a_link_leads_to_its_own_page_on_the_site(signed_in: Any) -> None:
    audit = factories.make_link_audit()
    page = signed_in("reviewer").get(reverse("admin:linkaudit_linkaudit_change", args=[audit.pk])).content.decode()
    assert reverse("linkaudit:link", args=[audit.pk]) in page
