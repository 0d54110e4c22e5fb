"""One place at a time: claimed by POST, a decision recorded once, and what happens to a lease that ends."""

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
    end_leases,
    make_links,
    place_at,
)
from tests.web.reading import text_of

SignIn = Callable[..., Reviewer]


@pytest.mark.django_db(transaction=True)
def test_twenty_people_who_start_at_once_get_twenty_places() -> None:
    make_links(20)
    draw()
    people = [make_user(username=f"reviewer {number}") for number in range(20)]
    ready = threading.Barrier(20)
    taken: list[int] = []

    def go(number: int) -> None:
        try:
            ready.wait()
            slot = services.claim(actor=people[number])
            assert slot is not None
            taken.append(slot.slot_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 20


@pytest.mark.django_db
def test_a_decision_is_recorded_with_its_note_and_time_and_the_next_place_follows(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    first = rita.address()
    slot = place_at(first)
    ReviewSlot.objects.filter(pk=slot.pk).update(leased_at=timezone.now() - timedelta(seconds=12))
    answer = rita.say(first, "right", "in the arms")
    assert answer.status_code == 302
    assert answer["Location"] != first
    review = LinkReview.objects.get()
    assert (review.decision, review.mode, review.reviewer, review.note) == ("right", "queue", "rita", "in the arms")
    assert review.seconds is not None
    assert 12 <= review.seconds < 30
    assert LinkAudit.objects.get(pk=slot.audit_id).label is True
    assert place_at(answer["Location"]).position == 2


@pytest.mark.django_db
def test_no_decision_counts_as_longer_than_an_hour(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.address()
    ReviewSlot.objects.update(leased_at=timezone.now() - timedelta(hours=5))
    rita.say(address, "wrong")
    assert LinkReview.objects.get().seconds == 3600


@pytest.mark.django_db
@pytest.mark.parametrize("send", ["get", "head", "options"])
def test_looking_takes_nothing(sign_in: SignIn, send: str) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    for address in ("/review/", "/review/claim/", f"/review/{uuid.uuid4()}/", "/"):
        getattr(rita.client, send)(address)
    assert not ReviewSlot.objects.exclude(lease_token=None).exists()
    address = rita.address()
    before = list(ReviewSlot.objects.order_by("pk").values())
    for _ in range(3):
        getattr(rita.client, send)(address)
    assert list(ReviewSlot.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_whoever_starts_twice_has_the_same_place(sign_in: SignIn) -> None:
    make_links(3)
    draw()
    rita = sign_in()
    assert rita.address() == rita.address()


@pytest.mark.django_db
def test_a_decision_that_is_sent_twice_shows_the_first_one(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    address = rita.address()
    rita.say(address, "wrong", "another arm")
    again = rita.client.post(address, {"decision": "right", "note": "changed my mind"}, follow=True)
    assert "You have said ✗ wrong of this link" in text_of(again)
    assert "Your note: another arm" in text_of(again)
    assert LinkReview.objects.count() == 1


@pytest.mark.django_db
def test_a_lease_that_ended_says_so_keeps_the_note_and_is_taken_once_more(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    address = rita.address()
    slot = place_at(address)
    end_leases()
    answer = rita.say(address, "right", "see <table> 2")
    assert answer.status_code == 409
    assert "This time is over, so nothing was recorded." in text_of(answer)
    assert "see &lt;table&gt; 2</textarea>" in answer.content.decode()
    assert rita.client.get(address).status_code == 409
    assert not LinkReview.objects.exists()
    token = address.split("/")[2]
    fresh = rita.claim(again=token, note="see <table> 2")["Location"]
    assert place_at(fresh).pk == slot.pk
    assert "see &lt;table&gt; 2</textarea>" in rita.client.get(fresh).content.decode()


@pytest.mark.django_db
def test_what_somebody_else_has_meanwhile_is_theirs_and_the_note_is_kept(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    address = rita.address()
    end_leases()
    theirs = rose.address()
    answer = rita.say(address, "right", "my words")
    assert answer.status_code == 409
    assert "my words" in text_of(answer)
    assert rita.client.get(address).status_code == 409
    assert not LinkReview.objects.exists()
    rose.say(theirs, "wrong")
    assert LinkReview.objects.get().reviewer == "rose"


@pytest.mark.django_db
def test_the_token_of_somebody_else_is_not_there(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    address = sign_in().address()
    rose = sign_in("rose")
    rose.address()
    assert rose.client.get(address).status_code == 404
    assert rose.say(address, "wrong").status_code == 404
    assert rose.client.post(f"{address}skip/", {"reason": "no"}).status_code == 404
    assert rose.client.post(f"{address}heartbeat/").status_code == 409
    assert rose.client.get(f"/review/{uuid.uuid4()}/").status_code == 404
    assert not LinkReview.objects.exists()


@pytest.mark.django_db
def test_a_document_that_was_deleted_is_gone(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.address()
    Document.objects.all().delete()
    for answer in (rita.client.get(address), rita.say(address, "right")):
        assert answer.status_code == 410
        assert "was deleted while you had it" in text_of(answer)


@pytest.mark.django_db
@pytest.mark.parametrize("broken", [{"decision": "maybe"}, {"decision": ""}, {"decision": "right", "note": "x" * 2001}])
def test_a_broken_form_records_nothing_and_keeps_the_note(sign_in: SignIn, broken: dict[str, str]) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    answer = rita.client.post(rita.address(), {"note": "kept", **broken})
    assert answer.status_code == 400
    assert "Nothing was recorded." in text_of(answer)
    assert broken.get("note", "kept") in answer.content.decode()
    assert not LinkReview.objects.exists()


@pytest.mark.django_db
def test_a_page_that_is_looked_at_renews_its_lease_but_not_for_ever(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.address()
    sql.execute("UPDATE review_slots SET lease_until = now() + interval '10 seconds'")
    answer = rita.client.post(f"{address}heartbeat/")
    assert answer.status_code == 200
    until = place_at(address).lease_until
    assert until is not None
    assert until > timezone.now() + timedelta(minutes=14)
    assert answer.json() == {"until": until.isoformat()}
    sql.execute("UPDATE review_slots SET leased_at = now() - interval '61 minutes'")
    assert rita.client.post(f"{address}heartbeat/").status_code == 409
    end_leases()
    assert rita.client.post(f"{address}heartbeat/").status_code == 409


@pytest.mark.django_db
def test_how_long_a_lease_is_and_a_share_are_settings(sign_in: SignIn, settings: object) -> None:
    make_links(1)
    draw()
    settings.REVIEW_LEASE_MINUTES = 2  # type: ignore[attr-defined]
    until = place_at(sign_in().address()).lease_until
    assert until is not None
    assert until < timezone.now() + timedelta(minutes=3)
