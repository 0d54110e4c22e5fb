"""Skips and undone decisions."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from linkaudit.models import LinkAudit, LinkReview, ReviewSkip, ReviewSlot
from linkaudit.review import queries
from linkaudit.services import adjudicate
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.review.conftest import (
    Reviewer,
    draw,
    make_links,
    slot_at,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]


def undo(reviewer: Reviewer, review: int | None = None) -> str:
    review = review or LinkReview.objects.filter(reviewer=reviewer.username).order_by("-pk")[0].pk
    return text_of(reviewer.client.post("/review/undo/", {"review": str(review)}, follow=True))


def test_skipped_slot_goes_to_another_reviewer(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    address = rita.lease_address()
    slot = slot_at(address)
    answer = rita.client.post(f"{address}skip/", {"reason": "in Japanese"})
    assert slot_at(answer["Location"]).position == 2
    assert ReviewSkip.objects.get().reason == "in Japanese"
    assert slot_at(rose.lease_address()).pk == slot.pk
    assert (ReviewSlot.objects.count(), queries.list_desk_samples()[0].done_count) == (2, 0)
    rita.decide(answer["Location"], "right")
    words = text_of(rita.client.get("/review/"))
    assert "1 item remains, none available to you" in words


def test_skip_requires_a_reason(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    answer = rita.client.post(f"{rita.lease_address()}skip/", {"reason": " "})
    assert answer.status_code == 400
    assert "Nothing was skipped. Enter a reason." in text_of(answer)
    assert not ReviewSkip.objects.exists()


def test_undo_restores_the_label_and_leases_the_slot(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    first = rita.lease_address()
    slot = slot_at(first)
    rita.decide(first, "wrong", "hasty")
    page = text_of(rita.client.get("/review/"))
    assert "Reviewed by you today: 1." in page
    assert "as ✗ wrong" in page
    words = undo(rita)
    assert "is open again. Label it or skip it." in words
    assert "hasty" in words
    assert LinkAudit.objects.get(pk=slot.audit_id).label is None
    assert [each.decision for each in LinkReview.objects.order_by("pk")] == ["wrong", "undone"]
    assert "Reviewed by you today: 0." in text_of(rita.client.get("/review/"))
    assert queries.list_desk_samples()[0].done_count == 0
    # The same slot takes a new decision.
    again = ReviewSlot.objects.get(pk=slot.pk)
    rita.decide(f"/review/{again.lease_token}/", "right")
    assert LinkAudit.objects.get(pk=slot.audit_id).label is True


def test_undo_expires(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    rita.decide(rita.lease_address(), "right")
    monkeypatch.setattr(queries, "UNDO_PERIOD", timedelta(seconds=-1))
    assert "as ✓ right" not in text_of(rita.client.get("/review/"))
    assert "Nothing to undo." in undo(rita)
    assert LinkReview.objects.count() == 1


def test_undo_is_refused_after_an_adjudication(sign_in: SignIn) -> None:
    (audit,) = make_links(1)
    draw()
    rita = sign_in()
    rita.decide(rita.lease_address(), "unsure")
    adjudicate(audit.pk, "right", "see page 1", actor=make_user(Role.ADJUDICATOR))
    assert "an adjudication has used this decision" in undo(rita)
    assert LinkAudit.objects.get().label is True


def test_undo_is_refused_for_another_reviewer(sign_in: SignIn) -> None:
    make_links(3)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    rita.decide(rita.lease_address(), "right")
    rose.decide(rose.lease_address(), "right")
    theirs = LinkReview.objects.get(reviewer="rita").pk
    assert "Nothing to undo." in undo(rose, theirs)
    assert LinkReview.objects.count() == 2
