"""Passing over a link, and taking a decision back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from linkaudit.adjudication.services import adjudicate
from linkaudit.models import LinkAudit, LinkReview, ReviewSkip, ReviewSlot
from linkaudit.review import queries
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.review.conftest import (
    Reviewer,
    draw,
    make_links,
    place_at,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]


def undo(reviewer: Reviewer, review: int | None = None) -> str:
    review = review or LinkReview.objects.filter(reviewer=reviewer.username).order_by("-pk")[0].pk
    return text_of(reviewer.client.post("/review/undo/", {"review": str(review)}, follow=True))


def test_what_is_skipped_comes_to_somebody_else_and_the_sample_stays_as_it_is(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    address = rita.address()
    slot = place_at(address)
    answer = rita.client.post(f"{address}skip/", {"reason": "in Japanese"})
    assert place_at(answer["Location"]).position == 2
    assert ReviewSkip.objects.get().reason == "in Japanese"
    assert place_at(rose.address()).pk == slot.pk
    assert (ReviewSlot.objects.count(), queries.progress()[0].done) == (2, 0)
    rita.say(answer["Location"], "right")
    words = text_of(rita.client.get("/review/"))
    assert (
        "What is left waits for somebody else: of 1 place, you have seen each link already, or passed it over" in words
    )


def test_to_skip_needs_a_reason_and_the_note_is_not_lost(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    answer = rita.client.post(f"{rita.address()}skip/", {"reason": " "})
    assert answer.status_code == 400
    assert "Nothing was skipped. To skip a link needs a reason." in text_of(answer)
    assert not ReviewSkip.objects.exists()


def test_undo_restores_label_count_and_record_and_shows_the_link_again(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    first = rita.address()
    slot = place_at(first)
    rita.say(first, "wrong", "hasty")
    page = text_of(rita.client.get("/review/"))
    assert "You have given 1 decision today." in page
    assert "is ✗ wrong" in page
    words = undo(rita)
    assert "Taken back: say it again, or skip it." in words
    assert "hasty" in words
    assert LinkAudit.objects.get(pk=slot.audit_id).label is None
    assert [one.decision for one in LinkReview.objects.order_by("pk")] == ["wrong", "undone"]
    assert "You have given 0 decisions today." in text_of(rita.client.get("/review/"))
    assert queries.progress()[0].done == 0
    # It is the same place, and it can be said anew.
    again = ReviewSlot.objects.get(pk=slot.pk)
    rita.say(f"/review/{again.lease_token}/", "right")
    assert LinkAudit.objects.get(pk=slot.audit_id).label is True


def test_undo_is_offered_for_ten_minutes(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    rita.say(rita.address(), "right")
    monkeypatch.setattr(queries, "UNDO", timedelta(seconds=-1))
    assert "Your last decision" not in text_of(rita.client.get("/review/"))
    assert "nothing to take back any more" in undo(rita)
    assert LinkReview.objects.count() == 1


def test_undo_is_blocked_once_it_was_adjudicated(sign_in: SignIn) -> None:
    (audit,) = make_links(1)
    draw()
    rita = sign_in()
    rita.say(rita.address(), "unsure")
    adjudicate(audit.pk, "right", "see page 1", actor=make_user(Role.ADJUDICATOR))
    assert "Your decision counts already" in undo(rita)
    assert LinkAudit.objects.get().label is True


def test_nobody_takes_back_what_somebody_else_said(sign_in: SignIn) -> None:
    make_links(3)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    rita.say(rita.address(), "right")
    rose.say(rose.address(), "right")
    theirs = LinkReview.objects.get(reviewer="rita").pk
    assert "nothing to take back any more" in undo(rose, theirs)
    assert LinkReview.objects.count() == 2
