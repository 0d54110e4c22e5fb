"""Bulk decisions label what was confirmed, and skip and list what has changed."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from linkaudit import bulk, jobs
from linkaudit.models import LinkAudit, LinkReview
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from tests.factories import make_asset, make_document, make_link_audit, make_user
from tests.jobs.conftest import run
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

LIST = "admin:linkaudit_linkaudit_changelist"


@pytest.fixture
def adam(client: Client) -> Client:
    """The browser of an adjudicator."""
    client.force_login(make_user(Role.ADJUDICATOR))
    return client


def make_links(count: int, **fields: Any) -> list[int]:
    asset, doc = make_asset("Semaglutide"), make_document("A record.")
    return [make_link_audit(asset=asset, doc=doc, **fields).pk for _ in range(count)]


def select(client: Client, keys: list[int], action: str, **fields: str) -> Any:
    return client.post(reverse(LIST), {"action": action, "index": "0", "_selected_action": keys, **fields})


def confirm(client: Client, page: Any, note: str = "as the protocol states") -> Any:
    frozen = re.search(r'name="frozen" value="([^"]+)"', page.content.decode())
    assert frozen
    return client.post(reverse("admin:linkaudit_linkaudit_bulk"), {"frozen": frozen[1], "note": note})


def read_messages(answer: Any) -> list[str]:
    assert answer.status_code == 302, answer.content.decode()
    return [str(message) for message in get_messages(answer.wsgi_request) if "; before: " not in str(message)]


def reviews() -> list[tuple[str, str, str | None]]:
    return list(LinkReview.objects.order_by("pk").values_list("decision", "mode", "reviewer"))


def test_changed_links_are_skipped_and_listed(adam: Client) -> None:
    keys = make_links(500)
    page = select(adam, keys, "label_right")
    words = page.content.decode()
    assert "Label 500 links right" in words
    assert '<td>HP-2</td><td>open</td><td class="number">500</td>' in words
    assert not LinkReview.objects.exists()
    sql.scalar("record_link_review", keys[7], "wrong", "rita", "page")
    LinkAudit.objects.filter(pk=keys[8]).update(updated_at=sql.value("SELECT clock_timestamp()"))
    sql.scalar("record_link_review", keys[9], "unsure", "rita", "queue")
    before = LinkReview.objects.count()
    assert read_messages(confirm(adam, page)) == [
        f"Labeled right: 497. Skipped: 3, changed since the selection ({keys[7]}, {keys[8]}, {keys[9]})."
    ]
    assert LinkReview.objects.count() - before == 497
    recorded = LinkReview.objects.filter(mode="bulk", decision="right", reviewer="adam", note="as the protocol states")
    assert recorded.count() == 497
    assert LinkAudit.objects.filter(label=True, reviewed_by="adam", label_source="human_review").count() == 497
    assert LogEntry.objects.filter(change_message="Labeled right in bulk, with 497 links.").count() == 497
    assert LinkAudit.objects.exclude(promotion_status="pending").count() == 0


def test_confirmation_shows_counts_and_first_rows(adam: Client) -> None:
    keys = [*make_links(11), *make_links(2, heuristic_applied="HP-1", label=False)]
    select(adam, keys, "label_wrong")
    with CaptureQueriesContext(connection) as queries:
        page = select(adam, [*keys, 10**9], "label_wrong")
    # The list, the times of the selected links, their rows, and their counts; never the evidence.
    read = [each["sql"] for each in queries if 'FROM "link_audit"' in each["sql"] and "RECURSIVE" not in each["sql"]]
    assert len(read) == 4
    assert not any("evidence_jsonb" in statement for statement in read)
    words = page.content.decode()
    assert '<td>HP-1</td><td>labeled wrong</td><td class="number">2</td>' in words
    assert "First 10 links" in words
    assert "1 of the selected links no longer exists or can be asked of you by an open sample." in words


def test_page_of_a_bulk_label_shows_how_it_moves_the_rule(adam: Client) -> None:
    make_links(49, label=True)
    opened = make_links(2)
    page = select(adam, opened, "label_right")
    words = text_of(page)
    assert "These labels count toward the promotion rule, but never as sample evidence." in words
    assert "HP-2 49 of 49 right, rule not met 51 of 51 right, rule met" in words
    answer = confirm(adam, page)
    messages = [str(message) for message in get_messages(answer.wsgi_request)]
    assert messages[-1] == "HP-2: 51 of 51 right, rule met; before: 49 of 49 right, rule not met."
    words = text_of(adam.get(reverse("admin:linkaudit_linkaudit_bulk_filter")))
    assert (
        "HP-2 51 of 51 right, rule met 51 of 51 right, rule met 51 of 51 right, rule met 0 of 0 right, rule not met"
        in words
    )


def test_bulk_decision_requires_a_note(adam: Client) -> None:
    page = confirm(adam, select(adam, make_links(2), "label_right"), note=" ")
    assert page.status_code == 400
    assert "Enter a note" in page.content.decode()
    assert not LinkReview.objects.exists()
    assert read_messages(confirm(adam, page)) == ["Labeled right: 2."]


def test_labels_and_disagreements_are_skipped(adam: Client) -> None:
    opened, mine, others, disputed, deleted = make_links(5)
    sql.scalar("record_link_review", mine, "right", "adam", "page")
    sql.scalar("record_link_review", others, "right", "rita", "page")
    sql.scalar("record_link_review", disputed, "unsure", "rita", "queue")
    page = select(adam, [opened, mine, others, disputed, deleted], "label_wrong")
    LinkAudit.objects.filter(pk=deleted).delete()
    (message,) = read_messages(confirm(adam, page))
    assert message == (
        f"Labeled wrong: 1. Skipped: 2, already labeled ({mine}, {others}). Skipped: 1, awaiting adjudication "
        f"({disputed}). Failed: 1, no longer in the database ({deleted})."
    )


def test_labels_of_all_reviewers_are_cleared(adam: Client) -> None:
    keys = [*make_links(2, label=True), *make_links(1)]
    assert read_messages(confirm(adam, select(adam, keys, "clear_labels"))) == [
        f"Cleared: 2. Skipped: 1, already open ({keys[2]})."
    ]
    assert LinkAudit.objects.filter(label=None, label_source=None, reviewed_by=None).count() == 3
    assert reviews()[-1] == ("cleared", "bulk", "adam")


def test_invalid_and_foreign_selections_are_refused(adam: Client) -> None:
    page = select(adam, make_links(1), "label_right")
    address = reverse("admin:linkaudit_linkaudit_bulk")
    assert (
        "The selection has expired. Select again."
        in read_messages(adam.post(address, {"frozen": "x:y:z", "note": "n"}))[0]
    )
    other = Client()
    other.force_login(make_user(Role.ADJUDICATOR, "amy"))
    assert "Another user made this selection." in read_messages(confirm(other, page))[0]
    assert not LinkReview.objects.exists()
    assert adam.get(address).status_code == 405


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.OPERATOR, Role.ANALYST])
def test_only_adjudicators_label_in_bulk(client: Client, role: Role) -> None:
    keys = make_links(2)
    client.force_login(make_user(role))
    page = client.get(reverse(LIST)).content.decode()
    assert "label_right" not in page
    assert "Label all links of this list" not in page
    select(client, keys, "label_right")
    assert client.post(reverse("admin:linkaudit_linkaudit_bulk")).status_code == 403
    assert client.get(reverse("admin:linkaudit_linkaudit_bulk_filter")).status_code == 403
    assert not LinkReview.objects.exists()


def test_large_selections_become_filters(adam: Client) -> None:
    assert read_messages(select(adam, list(range(1, 502)), "label_right")) == [
        "Select at most 500 links. Nothing was changed."
    ]
    keys = make_links(1)
    answer = select(adam, keys, "label_right", select_across="1")
    assert answer["Location"] == reverse("admin:linkaudit_linkaudit_bulk_filter")


def confirm_all(client: Client, query: str, decision: str = "right", **fields: str) -> Any:
    address = reverse("admin:linkaudit_linkaudit_bulk_filter")
    frozen = re.search(r'name="frozen" value="([^"]+)"', client.get(f"{address}?{query}").content.decode())
    assert frozen
    return client.post(
        address, {"frozen": frozen[1], "note": "all of them", "decision": decision, "confirm": "on", **fields}
    )


def test_filter_is_counted_up_to_a_limit(adam: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_links(3)
    make_links(1, heuristic_applied="HP-1")
    address = reverse("admin:linkaudit_linkaudit_bulk_filter")
    page = adam.get(f"{address}?heuristic_applied=HP-2&p=3").content.decode()
    assert "<strong>3 links</strong>" in page
    assert "heuristic applied: <b>HP-2</b>" in page
    monkeypatch.setattr(bulk, "MAX_COUNTED", 2)
    assert "More than 2 links" in adam.get(address).content.decode()
    assert read_messages(adam.get(f"{address}?no_such_field=1"))[0].startswith("The filter of the list is invalid")


def test_job_requires_a_confirmation_and_a_note(adam: Client) -> None:
    make_links(1)
    page = confirm_all(adam, "", note="", confirm="")
    assert page.status_code == 400
    assert "Select the checkbox" in page.content.decode()
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_job_labels_a_frozen_filter_in_batches(adam: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 4)
    keys, others = make_links(10), make_links(2, heuristic_applied="HP-1")
    answer = confirm_all(adam, "heuristic_applied=HP-2&label=open")
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    # Users see their own jobs without the permission to see all.
    assert adam.get(answer["Location"]).status_code == 200
    assert adam.get("/jobs/").status_code == 403
    late = make_links(1)
    sql.scalar("record_link_review", keys[3], "unsure", "rita", "queue")
    assert run()[-1] == (
        f"Job {job.pk} is done: Labeled right: 9. Skipped: 1, changed since the selection ({keys[3]}). "
        "HP-2: 9 of 9 right, rule not met; before: 0 of 0 right, rule not met."
    )
    assert LinkReview.objects.filter(mode="bulk", reviewer="adam", note="all of them").count() == 9
    assert not LinkAudit.objects.filter(pk__in=[*others, *late], label=True).exists()


@pytest.mark.django_db(transaction=True)
def test_restarted_job_labels_nothing_twice(adam: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 4)
    make_links(10)
    confirm_all(adam, "label=open")
    job = Job.objects.get()
    # The worker was lost before it wrote its checkpoint.
    actor = User.objects.get()
    moment = datetime.fromisoformat(job.arguments["moment"])
    first = list(LinkAudit.objects.order_by("pk").values_list("pk", flat=True)[:4])
    bulk.label_links(first, "right", "all of them", is_changed=lambda audit: audit.updated_at > moment, actor=actor)
    run()
    assert LinkReview.objects.count() == 10
    assert LinkAudit.objects.filter(label=True).count() == 10


def test_job_requires_the_permission_of_its_user(adam: Client) -> None:
    make_links(1)
    confirm_all(adam, "")
    actor = User.objects.get()
    actor.groups.clear()
    with pytest.raises(PermissionDenied):
        bulk.label_links([], "right", "n", is_changed=lambda audit: False, actor=User.objects.get())
