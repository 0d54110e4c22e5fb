"""One decision on many links: what was confirmed is labelled, what changed meanwhile is skipped and named."""

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

from linkaudit import bulk, bulk_jobs
from linkaudit.models import LinkAudit, LinkReview
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from tests.factories import make_asset, make_document, make_link_audit, make_user
from tests.jobs.conftest import run

pytestmark = pytest.mark.django_db

LIST = "admin:linkaudit_linkaudit_changelist"


@pytest.fixture
def adam(client: Client) -> Client:
    """The browser of somebody who may label many at once."""
    client.force_login(make_user(Role.ADJUDICATOR))
    return client


def make_links(count: int, **fields: Any) -> list[int]:
    asset, doc = make_asset("Semaglutide"), make_document("A record.")
    return [make_link_audit(asset=asset, doc=doc, **fields).pk for _ in range(count)]


def tick(client: Client, keys: list[int], action: str, **given: str) -> Any:
    return client.post(reverse(LIST), {"action": action, "index": "0", "_selected_action": keys, **given})


def confirm(client: Client, page: Any, note: str = "as the protocol says") -> Any:
    frozen = re.search(r'name="frozen" value="([^"]+)"', page.content.decode())
    assert frozen
    return client.post(reverse("admin:linkaudit_linkaudit_bulk"), {"frozen": frozen[1], "note": note})


def said(answer: Any) -> list[str]:
    assert answer.status_code == 302, answer.content.decode()
    return [str(message) for message in get_messages(answer.wsgi_request)]


def reviews() -> list[tuple[str, str, str | None]]:
    return list(LinkReview.objects.order_by("pk").values_list("decision", "mode", "reviewer"))


def test_of_500_links_with_3_changed_meanwhile_497_are_labelled_and_3_are_named(adam: Client) -> None:
    keys = make_links(500)
    page = tick(adam, keys, "label_right")
    words = page.content.decode()
    assert "Label 500 links right" in words
    assert '<td>HP-2</td><td>open</td><td class="number">500</td>' in words
    assert not LinkReview.objects.exists()
    sql.scalar("record_link_review", keys[7], "wrong", "rita", "page")
    LinkAudit.objects.filter(pk=keys[8]).update(updated_at=sql.value("SELECT clock_timestamp()"))
    sql.scalar("record_link_review", keys[9], "unsure", "rita", "queue")
    before = LinkReview.objects.count()
    assert said(confirm(adam, page)) == [
        f"Labelled right: 497. Skipped: 3, changed since they were selected ({keys[7]}, {keys[8]}, {keys[9]})."
    ]
    assert LinkReview.objects.count() - before == 497
    bulk_ones = LinkReview.objects.filter(mode="bulk", decision="right", reviewer="adam", note="as the protocol says")
    assert bulk_ones.count() == 497
    assert LinkAudit.objects.filter(label=True, reviewed_by="adam", label_source="human_review").count() == 497
    assert LogEntry.objects.filter(change_message="Labelled right among 497 at once.").count() == 497
    assert LinkAudit.objects.exclude(promotion_status="pending").count() == 0


def test_the_confirmation_counts_by_heuristic_and_label_and_shows_some_rows(adam: Client) -> None:
    keys = [*make_links(11), *make_links(2, heuristic_applied="HP-1", label=False)]
    tick(adam, keys, "label_wrong")
    with CaptureQueriesContext(connection) as queries:
        page = tick(adam, [*keys, 10**9], "label_wrong")
    # The page of the list, the moments of the ticked ones, and these as they are shown; the evidence of none.
    read = [one["sql"] for one in queries if 'FROM "link_audit"' in one["sql"] and "RECURSIVE" not in one["sql"]]
    assert len(read) == 3
    assert not any("evidence_jsonb" in statement for statement in read)
    words = page.content.decode()
    assert '<td>HP-1</td><td>labelled wrong</td><td class="number">2</td>' in words
    assert "The first 10 of them" in words
    assert "1 of the ticked links is no longer there." in words


def test_without_a_note_nothing_is_labelled_and_the_selection_stays(adam: Client) -> None:
    page = confirm(adam, tick(adam, make_links(2), "label_right"), note=" ")
    assert page.status_code == 400
    assert "Say why" in page.content.decode()
    assert not LinkReview.objects.exists()
    assert said(confirm(adam, page)) == ["Labelled right: 2."]


def test_labels_and_disagreements_are_never_overwritten(adam: Client) -> None:
    opened, mine, others, disputed, gone = make_links(5)
    sql.scalar("record_link_review", mine, "right", "adam", "page")
    sql.scalar("record_link_review", others, "right", "rita", "page")
    sql.scalar("record_link_review", disputed, "unsure", "rita", "queue")
    page = tick(adam, [opened, mine, others, disputed, gone], "label_wrong")
    LinkAudit.objects.filter(pk=gone).delete()
    (message,) = said(confirm(adam, page))
    assert message == (
        f"Labelled wrong: 1. Skipped: 2, labelled already ({mine}, {others}). Skipped: 1, disputed, which an "
        f"adjudicator resolves one by one ({disputed}). Failed: 1, no longer there ({gone})."
    )


def test_labels_are_taken_back_whoever_gave_them(adam: Client) -> None:
    keys = [*make_links(2, label=True), *make_links(1)]
    assert said(confirm(adam, tick(adam, keys, "label_open"))) == [
        f"Labelled cleared: 2. Skipped: 1, open already ({keys[2]})."
    ]
    assert LinkAudit.objects.filter(label=None, label_source=None, reviewed_by=None).count() == 3
    assert reviews()[-1] == ("cleared", "bulk", "adam")


def test_a_selection_that_was_changed_or_is_another_persons_is_refused(adam: Client) -> None:
    page = tick(adam, make_links(1), "label_right")
    address = reverse("admin:linkaudit_linkaudit_bulk")
    assert "was changed on its way" in said(adam.post(address, {"frozen": "x:y:z", "note": "n"}))[0]
    other = Client()
    other.force_login(make_user(Role.ADJUDICATOR, "amy"))
    assert "Somebody else made this selection" in said(confirm(other, page))[0]
    assert not LinkReview.objects.exists()
    assert adam.get(address).status_code == 405


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.OPERATOR, Role.ANALYST])
def test_only_adjudicators_label_many_at_once(client: Client, role: Role) -> None:
    keys = make_links(2)
    client.force_login(make_user(role))
    page = client.get(reverse(LIST)).content.decode()
    assert "label_right" not in page
    assert "Label all of this list" not in page
    tick(client, keys, "label_right")
    assert client.post(reverse("admin:linkaudit_linkaudit_bulk")).status_code == 403
    assert client.get(reverse("admin:linkaudit_linkaudit_bulk_filter")).status_code == 403
    assert not LinkReview.objects.exists()


def test_more_than_500_are_not_ticked_but_filtered(adam: Client) -> None:
    assert said(tick(adam, list(range(1, 502)), "label_right")) == [
        "At most 500 links can be ticked at once. Nothing was changed."
    ]
    keys = make_links(1)
    answer = tick(adam, keys, "label_right", select_across="1")
    assert answer["Location"] == reverse("admin:linkaudit_linkaudit_bulk_filter")


def ask_for_all(client: Client, query: str, decision: str = "right", **given: str) -> Any:
    address = reverse("admin:linkaudit_linkaudit_bulk_filter")
    frozen = re.search(r'name="frozen" value="([^"]+)"', client.get(f"{address}?{query}").content.decode())
    assert frozen
    return client.post(
        address, {"frozen": frozen[1], "note": "all of them", "decision": decision, "confirm": "on", **given}
    )


def test_all_links_of_a_filter_are_counted_up_to_a_bound(adam: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_links(3)
    make_links(1, heuristic_applied="HP-1")
    address = reverse("admin:linkaudit_linkaudit_bulk_filter")
    page = adam.get(f"{address}?heuristic_applied=HP-2&p=3").content.decode()
    assert "<strong>3 links</strong>" in page
    assert "heuristic applied: <b>HP-2</b>" in page
    for module in ("linkaudit.bulk_jobs", "linkaudit.admin.bulk_filter"):
        monkeypatch.setattr(f"{module}.MOST_COUNTED", 2)
    assert "More than 2 links" in adam.get(address).content.decode()
    assert said(adam.get(f"{address}?no_such_field=1"))[0].startswith("The filter of the list makes no sense")


def test_without_a_tick_and_a_note_no_job_starts(adam: Client) -> None:
    make_links(1)
    page = ask_for_all(adam, "", note="", confirm="")
    assert page.status_code == 400
    assert "Tick the box" in page.content.decode()
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_labels_a_frozen_filter_in_batches_and_names_what_it_skipped(
    adam: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "BATCH", 4)
    keys, others = make_links(10), make_links(2, heuristic_applied="HP-1")
    answer = ask_for_all(adam, "heuristic_applied=HP-2&label=open")
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    # Who asked for a job sees it, without the right to look at those of others.
    assert adam.get(answer["Location"]).status_code == 200
    assert adam.get("/jobs/").status_code == 403
    late = make_links(1)
    sql.scalar("record_link_review", keys[3], "unsure", "rita", "queue")
    assert run()[-1] == (
        f"Job {job.pk} is done: Labelled right: 9. Skipped: 1, changed since they were selected ({keys[3]})."
    )
    assert LinkReview.objects.filter(mode="bulk", reviewer="adam", note="all of them").count() == 9
    assert not LinkAudit.objects.filter(pk__in=[*others, *late], label=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_begun_again_labels_nothing_twice(adam: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "BATCH", 4)
    make_links(10)
    ask_for_all(adam, "label=open")
    job = Job.objects.get()
    # The worker was lost before it could write how far it was.
    actor = User.objects.get()
    moment = datetime.fromisoformat(job.arguments["moment"])
    first = list(LinkAudit.objects.order_by("pk").values_list("pk", flat=True)[:4])
    bulk.label_as_of(first, "right", "all of them", moment=moment, actor=actor)
    run()
    assert LinkReview.objects.count() == 10
    assert LinkAudit.objects.filter(label=True).count() == 10


def test_a_job_loses_its_right_with_its_person(adam: Client) -> None:
    make_links(1)
    ask_for_all(adam, "")
    actor = User.objects.get()
    actor.groups.clear()
    with pytest.raises(PermissionDenied):
        bulk.label_frozen({}, "right", "n", actor=User.objects.get())
