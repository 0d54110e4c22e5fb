"""One slot at a time: leased, decided once, and what happens to an expired lease."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from linkaudit.models import LinkAudit, LinkReview, ReviewSlot
from linkaudit.review import services
from ncfd_site.core import sql
from storage.models import Document
from tests.factories import make_user
from tests.linkaudit.review.conftest import (
    Reviewer,
    draw,
    expire_leases,
    make_links,
    slot_at,
)
from tests.web.reading import text_of

SignIn = Callable[..., Reviewer]


@pytest.mark.django_db(transaction=True)
def test_concurrent_reviewers_lease_different_slots() -> None:
    make_links(20)
    draw()
    reviewers = [make_user(username=f"reviewer {number}") for number in range(20)]
    ready = threading.Barrier(20)
    leased: list[int] = []

    def lease(number: int) -> None:
        try:
            ready.wait()
            slot = services.lease_slot(actor=reviewers[number])
            assert slot is not None
            leased.append(slot.slot_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=lease, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(leased)) == 20


@pytest.mark.django_db
def test_decision_is_recorded_and_the_next_slot_follows(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    first = rita.lease_address()
    slot = slot_at(first)
    ReviewSlot.objects.filter(pk=slot.pk).update(leased_at=timezone.now() - timedelta(seconds=12))
    answer = rita.decide(first, "right", "in the arms")
    assert answer.status_code == 302
    assert answer["Location"] != first
    review = LinkReview.objects.get()
    assert (review.decision, review.mode, review.reviewer, review.note) == ("right", "queue", "rita", "in the arms")
    assert review.seconds is not None
    assert 12 <= review.seconds < 30
    assert LinkAudit.objects.get(pk=slot.audit_id).label is True
    assert slot_at(answer["Location"]).position == 2


@pytest.mark.django_db
def test_duration_is_at_most_an_hour(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.lease_address()
    ReviewSlot.objects.update(leased_at=timezone.now() - timedelta(hours=5))
    rita.decide(address, "wrong")
    assert LinkReview.objects.get().seconds == 3600


@pytest.mark.django_db
@pytest.mark.parametrize("send", ["get", "head", "options"])
def test_reading_leases_nothing(sign_in: SignIn, send: str) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    for address in ("/review/", "/review/lease/", f"/review/{uuid.uuid4()}/", "/"):
        getattr(rita.client, send)(address)
    assert not ReviewSlot.objects.exclude(lease_token=None).exists()
    address = rita.lease_address()
    before = list(ReviewSlot.objects.order_by("pk").values())
    for _ in range(3):
        getattr(rita.client, send)(address)
    assert list(ReviewSlot.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_second_start_returns_the_same_slot(sign_in: SignIn) -> None:
    make_links(3)
    draw()
    rita = sign_in()
    assert rita.lease_address() == rita.lease_address()


@pytest.mark.django_db
def test_repeated_decision_shows_the_first(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    address = rita.lease_address()
    rita.decide(address, "wrong", "another arm")
    again = rita.client.post(address, {"decision": "right", "note": "changed my mind"}, follow=True)
    assert "You labeled this link ✗ wrong" in text_of(again)
    assert "Your note: another arm" in text_of(again)
    assert LinkReview.objects.count() == 1


@pytest.mark.django_db
def test_expired_lease_keeps_the_note_and_can_be_reopened(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    address = rita.lease_address()
    slot = slot_at(address)
    expire_leases()
    answer = rita.decide(address, "right", "see <table> 2")
    assert answer.status_code == 409
    assert "Nothing was recorded. Reopen it" in text_of(answer)
    assert "see &lt;table&gt; 2</textarea>" in answer.content.decode()
    assert rita.client.get(address).status_code == 409
    assert not LinkReview.objects.exists()
    token = address.split("/")[2]
    fresh = rita.lease(again=token, note="see <table> 2")["Location"]
    assert slot_at(fresh).pk == slot.pk
    assert "see &lt;table&gt; 2</textarea>" in rita.client.get(fresh).content.decode()


@pytest.mark.django_db
def test_expired_slot_goes_to_another_reviewer_and_the_note_is_kept(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    address = rita.lease_address()
    expire_leases()
    theirs = rose.lease_address()
    answer = rita.decide(address, "right", "my words")
    assert answer.status_code == 409
    assert "my words" in text_of(answer)
    assert rita.client.get(address).status_code == 409
    assert not LinkReview.objects.exists()
    rose.decide(theirs, "wrong")
    assert LinkReview.objects.get().reviewer == "rose"


@pytest.mark.django_db
def test_token_of_another_reviewer_is_not_found(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    address = sign_in().lease_address()
    rose = sign_in("rose")
    rose.lease_address()
    assert rose.client.get(address).status_code == 404
    assert rose.decide(address, "wrong").status_code == 404
    assert rose.client.post(f"{address}skip/", {"reason": "no"}).status_code == 404
    assert rose.client.post(f"{address}heartbeat/").status_code == 409
    assert rose.client.get(f"/review/{uuid.uuid4()}/").status_code == 404
    assert not LinkReview.objects.exists()


@pytest.mark.django_db
def test_deleted_document_is_gone(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.lease_address()
    Document.objects.all().delete()
    for answer in (rita.client.get(address), rita.decide(address, "right")):
        assert answer.status_code == 410
        assert "The document and this link were deleted." in text_of(answer)


@pytest.mark.django_db
@pytest.mark.parametrize("broken", [{"decision": "maybe"}, {"decision": ""}, {"decision": "right", "note": "x" * 2001}])
def test_invalid_form_records_nothing_and_keeps_the_note(sign_in: SignIn, broken: dict[str, str]) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    answer = rita.client.post(rita.lease_address(), {"note": "kept", **broken})
    assert answer.status_code == 400
    assert "Nothing was recorded." in text_of(answer)
    assert broken.get("note", "kept") in answer.content.decode()
    assert not LinkReview.objects.exists()


@pytest.mark.django_db
def test_heartbeat_renews_the_lease_up_to_an_hour(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.lease_address()
    sql.execute("UPDATE review_slots SET lease_until = now() + interval '10 seconds'")
    answer = rita.client.post(f"{address}heartbeat/")
    assert answer.status_code == 200
    until = slot_at(address).lease_until
    assert until is not None
    assert until > timezone.now() + timedelta(minutes=14)
    assert answer.json() == {"until": until.isoformat()}
    sql.execute("UPDATE review_slots SET leased_at = now() - interval '61 minutes'")
    assert rita.client.post(f"{address}heartbeat/").status_code == 409
    expire_leases()
    assert rita.client.post(f"{address}heartbeat/").status_code == 409


@pytest.mark.django_db
def test_duration_of_the_lease_is_a_setting(sign_in: SignIn, settings: object) -> None:
    make_links(1)
    draw()
    settings.REVIEW_LEASE_MINUTES = 2  # type: ignore[attr-defined]
    until = slot_at(sign_in().lease_address()).lease_until
    assert until is not None
    assert until < timezone.now() + timedelta(minutes=3)
