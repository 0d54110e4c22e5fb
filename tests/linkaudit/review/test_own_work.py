"""A reviewer's own acts: undo in order, the list of decisions, corrections, pace, and its privacy."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import DataError
from django.utils import timezone

from linkaudit.adjudication.queries import read_agreement
from linkaudit.claims import describe_link
from linkaudit.models import InterimAnalysis, LinkAudit, LinkReview, ReviewSkip, ReviewSlot
from linkaudit.own_work.queries import Pace
from linkaudit.review.services import undo_skip
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.linkaudit.review.conftest import Reviewer, draw, make_links, slot_at
from tests.linkaudit.reviewing import adjudicate
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]
MINE = "/review/mine/"


def undo(reviewer: Reviewer, **act: int) -> str:
    """Send the undo of an act, and return the page that follows."""
    return text_of(reviewer.client.post("/review/undo/", act, follow=True))


def decide_all(reviewer: Reviewer, *decisions: str) -> list[ReviewSlot]:
    """Decide on slot after slot, and return the slots."""
    slots = []
    for decision in decisions:
        address = reviewer.lease_address()
        slots.append(slot_at(address))
        reviewer.decide(address, decision)
    return slots


def correct(reviewer: Reviewer, review: int, decision: str, reason: str = "read it again") -> tuple[int, str]:
    """Correct a decision, and return the status and the text of the answer."""
    form = {"decision": decision, "reason": reason}
    answer = reviewer.client.post(f"{MINE}{review}/", form, follow=True)
    return answer.status_code, text_of(answer)


# The order is that of the transactions.
@pytest.mark.django_db(transaction=True)
def test_acts_are_undone_in_order_with_skips(sign_in: SignIn) -> None:
    make_links(3)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    (labeled,) = decide_all(rita, "right")
    review = LinkReview.objects.get().pk
    address = rita.lease_address()
    skipped = slot_at(address)
    answer = rita.client.post(f"{address}skip/", {"reason": "in Japanese"}, follow=True)
    subject = describe_link(LinkAudit.objects.get(pk=skipped.audit_id))
    assert f"Skipped {subject}" in text_of(answer)
    skip = ReviewSkip.objects.get()
    # The decision is not the last act.
    assert "Nothing to undo." in undo(rita, review=review)
    assert f"Undone: {subject} is open again" in undo(rita, skip=skip.pk)
    again = ReviewSlot.objects.get(pk=skipped.pk)
    assert (again.leased_by, again.state) == ("rita", "open")
    skip.refresh_from_db()
    assert skip.undone_at is not None
    assert "is open again" in undo(rita, review=review)
    assert ReviewSlot.objects.get(pk=labeled.pk).state == "open"
    assert [each.decision for each in LinkReview.objects.order_by("pk")] == ["right", "undone"]
    # Another reviewer's lease stays, and the skip counts.
    rita.client.post(f"/review/{again.lease_token}/skip/", {"reason": "in Japanese"})
    assert slot_at(rose.lease_address()).pk == skipped.pk
    last = ReviewSkip.objects.latest("pk")
    assert "another reviewer has reserved or reviewed the link that you skipped" in undo(rita, skip=last.pk)
    ReviewSkip.objects.filter(pk=last.pk).update(skipped_at=timezone.now() - timedelta(minutes=11))
    assert undo_skip(last.pk, actor=User.objects.get(username="rita")).outcome == "too_late"
    assert undo_skip(last.pk, actor=User.objects.get(username="rose")).outcome == "unknown"


def test_correction_is_recorded_beside_the_decision(sign_in: SignIn) -> None:
    make_links(2)
    draw(share=1)
    rita, rose = sign_in(), sign_in("rose")
    first, _ = decide_all(rita, "right", "right")
    decide_all(rose, "wrong")
    review = LinkReview.objects.get(reviewer="rita", audit_id=first.audit_id)
    assert LinkAudit.objects.get(pk=first.audit_id).label is None
    page = text_of(rita.client.get(f"{MINE}{review.pk}/"))
    assert "✓ right" in page
    assert correct(rita, review.pk, "wrong", " ")[0] == 400
    status, words = correct(rita, review.pk, "right")
    assert (status, "This is your decision already." in words) == (409, True)
    status, words = correct(rita, review.pk, "wrong", "the number is of another trial")
    assert (status, "Corrected to wrong." in words) == (200, True)
    rows = LinkReview.objects.filter(reviewer="rita", audit_id=first.audit_id).order_by("pk")
    assert [(row.decision, row.supersedes, row.note) for row in rows] == [
        ("right", None, None), ("undone", review.pk, None), ("wrong", review.pk, "the number is of another trial"),
    ]  # fmt: skip
    assert LinkAudit.objects.get(pk=first.audit_id).label is False
    assert ReviewSlot.objects.get(pk=first.pk).review_id == rows[2].pk
    # The independent decisions are compared.
    assert read_agreement().total.right_wrong + read_agreement().total.wrong_right == 1
    # A correction is corrected again and not undone, which would ask a reviewer again who has seen the other opinion.
    assert correct(rita, review.pk, "unsure")[0] == 409
    assert correct(rita, rows[2].pk, "unsure")[0] == 200
    rows_by_state = {state: text_of(rita.client.get(MINE, {"state": state})) for state in ("corrected", "current")}
    assert "Rows 1 to 2 of 2" in rows_by_state["corrected"]
    assert "Rows 1 to 2 of 2" in rows_by_state["current"]
    newest = LinkReview.objects.filter(reviewer="rita").latest("pk")
    assert "is open again" not in undo(rita, review=newest.pk)
    assert ReviewSlot.objects.get(pk=first.pk).state == "done"


def test_undo_of_a_skip_leaves_one_opinion_to_the_reviewer(sign_in: SignIn) -> None:
    make_links(1)
    draw(share=1)
    rita = sign_in()
    address = rita.lease_address()
    first = slot_at(address)
    answer = rita.client.post(f"{address}skip/", {"reason": "in Japanese"})
    assert slot_at(answer["Location"]).opinion != first.opinion
    assert "is open again" in undo(rita, skip=ReviewSkip.objects.get().pk)
    (decided,) = decide_all(rita, "right")
    assert decided.pk == first.pk
    assert "none available to you" in text_of(rita.client.get("/review/"))
    assert LinkReview.objects.filter(reviewer="rita").count() == 1


def test_used_decision_is_not_corrected(sign_in: SignIn) -> None:
    make_links(2)
    sample = draw()
    rita = sign_in()
    adjudicated, analyzed = decide_all(rita, "unsure", "right")
    adjudicate(adjudicated.audit_id, "right")
    reviews = {each.audit_id: each.pk for each in LinkReview.objects.filter(reviewer="rita")}
    assert "can no longer be corrected" in text_of(rita.client.get(f"{MINE}{reviews[adjudicated.audit_id]}/"))
    status, words = correct(rita, reviews[adjudicated.audit_id], "wrong")
    assert (status, "an interim analysis or an adjudication has used" in words) == (409, True)
    InterimAnalysis.objects.create(
        sample_id=sample, size=100, error_count=0, alpha="0.0125", lower_bound="0.957", passed=True
    )
    assert correct(rita, reviews[analyzed.audit_id], "wrong")[0] == 409
    assert LinkReview.objects.filter(decision="undone").count() == 0


@pytest.mark.parametrize(("decision", "reason"), [("cleared", "x"), ("wrong", " "), (None, "x")])
def test_database_refuses_a_correction_without_decision_or_reason(decision: str | None, reason: str) -> None:
    with pytest.raises(DataError, match="a correction "):
        sql.value("SELECT outcome FROM correct_review(1, 'rita', %s, %s)", [decision, reason])


def test_own_decisions_are_private_filtered_and_timed(sign_in: SignIn) -> None:
    make_links(5)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    decide_all(rita, "right", "wrong", "unsure")
    decide_all(rose, "right")
    words = text_of(rita.client.get(MINE))
    assert "Reviewed today (UTC) 3 Last 7 days 3 In total 3" in words
    assert "Rows 1 to 3 of 3" in words
    assert "Rows 1 to 1 of 1" in text_of(rita.client.get(MINE, {"decision": "wrong"}))
    found = LinkReview.objects.filter(reviewer="rita").earliest("pk")
    assert "Rows 1 to 1 of 1" in text_of(rita.client.get(MINE, {"q": str(found.nct_id)}))
    assert "No decision matches." in text_of(rita.client.get(MINE, {"mode": "bulk"}))
    assert "Pace of the team" not in words
    assert rose.client.get(f"{MINE}{found.pk}/").status_code == 404
    adam = sign_in("adam", role=Role.ADJUDICATOR)
    team = text_of(adam.client.get(MINE))
    assert "You have not reviewed a link yet." in team
    assert "Pace of the team" in team
    assert "rita 3 3 3" in team
    assert "rose 1 1 1" in team
    pace = Pace("rita", timed=20, low=Decimal(8), median=Decimal(10), high=Decimal(12))
    marks = [pace.describe_outlier(Decimal(seconds)) for seconds in ("1.9", "2", "48", "48.1")]
    assert marks == ["unusually short", "", "", "unusually long"]
    assert Pace("rita", timed=19, low=Decimal(8), high=Decimal(12)).describe_outlier(Decimal(1)) == ""
