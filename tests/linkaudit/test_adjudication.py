"""Links on which people differ are resolved with a reason, never by one of them; and how far people agree."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from linkaudit.adjudication import queries
from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview
from linkaudit.services import label_link
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_document, make_link_audit, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def say(audit: LinkAudit, reviewer: str, decision: str, note: str = "") -> int:
    return int(sql.scalar("record_link_review", audit.pk, decision, reviewer, "queue", note))


@pytest.fixture
def disputed() -> LinkAudit:
    """A link on which rita and rose differ."""
    audit = make_link_audit(doc=make_document("Nothing of the kind."))
    say(audit, "rita", "right", "first arm")
    say(audit, "rose", "wrong", "another company")
    return audit


@pytest.fixture
def adam(client: Client) -> Client:
    client.force_login(make_user(Role.ADJUDICATOR))
    return client


def test_the_list_says_why_since_when_and_whose(adam: Client, disputed: LinkAudit) -> None:
    unsure = make_link_audit()
    say(unsure, "rita", "unsure")
    LinkDisagreement.objects.filter(pk=disputed.pk).update(opened_at=timezone.now() - timedelta(hours=3))
    words = text_of(adam.get("/adjudication/"))
    assert "conflicting reviews rita: ✓ right, rose: ✗ wrong 3 hours ago" in words
    assert "marked unsure rita: ? unsure" in words
    assert words.index("conflicting reviews rita") < words.index("marked unsure rita")
    assert "Adjudication 2 waiting" in words


def test_an_empty_list_says_what_comes_here(adam: Client) -> None:
    assert "Nothing waits for an adjudicator. A link comes here when two people differ" in text_of(
        adam.get("/adjudication/")
    )


def test_the_list_asks_the_same_however_long_it_is(
    adam: Client, disputed: LinkAudit, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        say(make_link_audit(), "rita", "unsure")
    adam.get("/adjudication/")
    # Session, person, two for permissions, the count in the navigation; disagreements, links, opinions.
    with django_assert_num_queries(8):
        adam.get("/adjudication/")


def test_it_is_resolved_with_a_reason(adam: Client, disputed: LinkAudit) -> None:
    address = f"/adjudication/{disputed.pk}/"
    words = text_of(adam.get(address))
    assert "rita: ✓ right" in words
    assert "another company" in words
    assert "Nothing of the kind." in words
    without = adam.post(address, {"decision": "wrong", "reason": "  "})
    assert without.status_code == 400
    assert "An adjudication needs a reason." in text_of(without)
    done = adam.post(address, {"decision": "wrong", "reason": "the number is another trial's"}, follow=True)
    assert f"Resolved: link {disputed.pk} is wrong now." in text_of(done)
    disputed.refresh_from_db()
    assert (disputed.label, disputed.reviewed_by) == (False, "adam")
    assert LinkReview.objects.latest("pk").mode == "adjudication"
    assert adam.get(address).status_code == 404


def test_nobody_resolves_their_own(client: Client) -> None:
    make_user(Role.ADJUDICATOR)
    audit = make_link_audit()
    say(audit, "adam", "right")
    say(audit, "rita", "wrong")
    client.force_login(make_user(Role.ADJUDICATOR, username="ada"))
    assert 'name="reason"' in client.get(f"/adjudication/{audit.pk}/").content.decode()
    client.logout()
    client.force_login(User.objects.get(username="adam"))
    page = client.get(f"/adjudication/{audit.pk}/")
    assert "You have given a decision on this link yourself, so somebody else resolves it." in text_of(page)
    assert 'name="reason"' not in page.content.decode()
    assert "(one is you)" in text_of(client.get("/adjudication/"))
    refused = client.post(f"/adjudication/{audit.pk}/", {"decision": "right", "reason": "mine"})
    assert refused.status_code == 403
    assert "adam has given a decision on link" in text_of(refused)
    assert LinkDisagreement.objects.exists()


def test_what_was_resolved_meanwhile_is_said_and_the_reason_kept(adam: Client, disputed: LinkAudit) -> None:
    sql.scalar("record_link_review", disputed.pk, "right", "ada", "adjudication", "it is")
    answer = adam.post(f"/adjudication/{disputed.pk}/", {"decision": "wrong", "reason": "because"})
    assert answer.status_code == 409
    assert "Nothing of yours was recorded." in text_of(answer)
    assert "because" in text_of(answer)
    assert LinkAudit.objects.get(pk=disputed.pk).label is True


def test_a_disputed_link_is_not_labelled_past_the_adjudicator(disputed: LinkAudit) -> None:
    rita = make_user()
    with pytest.raises(PermissionDenied, match="waits for an adjudicator"):
        label_link(disputed.pk, True, actor=rita)
    assert LinkDisagreement.objects.exists()


# Agreement


def pair(first: str, second: str, heuristic: str = "HP-2") -> LinkAudit:
    """A sample of one link of which rita was asked first and rose second."""
    audit = make_link_audit(heuristic_applied=heuristic)
    sql.scalar("draw_review_sample", heuristic, 1, 1, "precision", 1, "olga")
    for reviewer, decision in (("rita", first), ("rose", second)):
        token = sql.value("SELECT lease_token FROM claim_review_slot(%s, NULL, '1 hour')", [reviewer])
        sql.value("SELECT outcome FROM submit_review(%s, %s, %s, '', 1)", [token, reviewer, decision])
    return audit


def test_agreement_is_that_of_first_and_second_opinions(adam: Client) -> None:
    for first, second in [*[("right", "right")] * 3, ("right", "wrong"), ("wrong", "wrong"), ("unsure", "right")]:
        pair(first, second)
    pair("wrong", "right", "HP-1")
    # What is said elsewhere, or by one person alone, is no pair.
    label_link(make_link_audit().pk, True, actor=make_user())
    hp1, hp2 = queries.pairs()
    assert (hp2.right_right, hp2.right_wrong, hp2.wrong_right, hp2.wrong_wrong, hp2.unsure) == (3, 1, 0, 1, 1)
    assert (hp1.heuristic, hp1.agreement.pairs) == ("HP-1", 1)
    words = text_of(adam.get("/agreement/"))
    assert "All heuristics 6 links of which both said right or wrong; 1 more" in words
    assert "Observed 0.8000" in words
    assert "How to read it" in words


def test_what_was_taken_back_is_no_opinion() -> None:
    audit = pair("right", "wrong")
    review = LinkReview.objects.get(audit_id=audit.pk, reviewer="rose").pk
    sql.scalar("record_link_review", audit.pk, "undone", "rose", "queue", None, None, None, review)
    assert queries.pairs() == []
    assert [one.reviewer for one in queries.reviewers()] == ["rita"]


def test_a_reviewer_is_compared_with_adjudicators_from_twenty_on(adam: Client) -> None:
    for number in range(20):
        audit = pair("right", "wrong")
        sql.scalar("record_link_review", audit.pk, "wrong" if number < 5 else "right", "ada", "adjudication", "so")
        if number == 18:
            assert "shown after 1 more" in text_of(adam.get("/agreement/"))
    rita, rose = queries.reviewers()
    assert (rita.adjudicated, rita.upheld, rose.upheld) == (20, 15, 5)
    assert "rita 20 0 0 20 15 0.5313 to 0.8881" in text_of(adam.get("/agreement/"))


def test_without_a_pair_it_says_where_they_come_from(adam: Client) -> None:
    assert "No link has a first and a second opinion yet." in text_of(adam.get("/agreement/"))
