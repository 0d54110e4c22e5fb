"""Disagreements are resolved with a reason, never by one of the reviewers; agreement of opinions."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from linkaudit.adjudication.queries import read_agreement
from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview
from linkaudit.services import label_link
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_document, make_link_audit, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def decide(audit: LinkAudit, reviewer: str, decision: str, note: str = "") -> int:
    return int(sql.scalar("record_link_review", audit.pk, decision, reviewer, "queue", note))


@pytest.fixture
def disputed() -> LinkAudit:
    """A link with conflicting decisions of rita and rose."""
    audit = make_link_audit(doc=make_document("Nothing of the kind."))
    decide(audit, "rita", "right", "first arm")
    decide(audit, "rose", "wrong", "another company")
    return audit


@pytest.fixture
def adam(client: Client) -> Client:
    client.force_login(make_user(Role.ADJUDICATOR))
    return client


def test_list_shows_reason_reviews_and_age(adam: Client, disputed: LinkAudit) -> None:
    unsure = make_link_audit()
    decide(unsure, "rita", "unsure")
    LinkDisagreement.objects.filter(pk=disputed.pk).update(opened_at=timezone.now() - timedelta(hours=3))
    words = text_of(adam.get("/adjudication/"))
    assert "conflicting reviews rita: ✓ right, rose: ✗ wrong 3 hours ago" in words
    assert "marked unsure rita: ? unsure" in words
    assert words.index("conflicting reviews rita") < words.index("marked unsure rita")
    assert "Adjudication 2 open" in words


def test_empty_list(adam: Client) -> None:
    assert "Nothing to adjudicate." in text_of(adam.get("/adjudication/"))


def test_query_count_is_independent_of_rows(
    adam: Client, disputed: LinkAudit, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        decide(make_link_audit(), "rita", "unsure")
    adam.get("/adjudication/")
    # Session, user, two for permissions, count in the navigation; disagreements, links, opinions, hidden links.
    with django_assert_num_queries(9):
        adam.get("/adjudication/")


def test_adjudication_requires_a_reason(adam: Client, disputed: LinkAudit) -> None:
    address = f"/adjudication/{disputed.pk}/"
    words = text_of(adam.get(address))
    assert "rita: ✓ right" in words
    assert "another company" in words
    assert "Nothing of the kind." in words
    without = adam.post(address, {"decision": "wrong", "reason": "  "})
    assert without.status_code == 400
    assert "Enter a reason." in text_of(without)
    done = adam.post(address, {"decision": "wrong", "reason": "the number is another trial's"}, follow=True)
    assert f"Link {disputed.pk} labeled wrong." in text_of(done)
    disputed.refresh_from_db()
    assert (disputed.label, disputed.reviewed_by) == (False, "adam")
    assert LinkReview.objects.latest("pk").mode == "adjudication"
    assert adam.get(address).status_code == 404


def test_reviewers_cannot_adjudicate_their_own_link(client: Client) -> None:
    make_user(Role.ADJUDICATOR)
    audit = make_link_audit()
    decide(audit, "adam", "right")
    decide(audit, "rita", "wrong")
    client.force_login(make_user(Role.ADJUDICATOR, username="ada"))
    assert 'name="reason"' in client.get(f"/adjudication/{audit.pk}/").content.decode()
    client.logout()
    client.force_login(User.objects.get(username="adam"))
    page = client.get(f"/adjudication/{audit.pk}/")
    assert "You reviewed this link; another adjudicator must resolve it." in text_of(page)
    assert 'name="reason"' not in page.content.decode()
    assert "(you reviewed it)" in text_of(client.get("/adjudication/"))
    refused = client.post(f"/adjudication/{audit.pk}/", {"decision": "right", "reason": "mine"})
    assert refused.status_code == 403
    assert "adam reviewed link" in text_of(refused)
    assert LinkDisagreement.objects.exists()


def test_concurrent_adjudication_keeps_the_reason(adam: Client, disputed: LinkAudit) -> None:
    sql.scalar("record_link_review", disputed.pk, "right", "ada", "adjudication", "it is")
    answer = adam.post(f"/adjudication/{disputed.pk}/", {"decision": "wrong", "reason": "because"})
    assert answer.status_code == 409
    assert "Your decision was not recorded." in text_of(answer)
    assert "because" in text_of(answer)
    assert LinkAudit.objects.get(pk=disputed.pk).label is True


def test_disputed_link_cannot_be_labeled(disputed: LinkAudit) -> None:
    rita = make_user()
    with pytest.raises(PermissionDenied, match="awaiting adjudication"):
        label_link(disputed.pk, True, actor=rita)
    assert LinkDisagreement.objects.exists()


# Agreement


def pair(first: str, second: str, heuristic: str = "HP-2") -> LinkAudit:
    """Draw a sample of one link; rita gives the first opinion, rose the second."""
    audit = make_link_audit(heuristic_applied=heuristic)
    sql.scalar("draw_review_sample", heuristic, 1, 1, "precision", 1, "olga")
    for reviewer, decision in (("rita", first), ("rose", second)):
        token = sql.value("SELECT lease_token FROM claim_review_slot(%s, NULL, '1 hour')", [reviewer])
        sql.value("SELECT outcome FROM submit_review(%s, %s, %s, '', 1)", [token, reviewer, decision])
    return audit


def test_agreement_compares_first_and_second_opinions(adam: Client) -> None:
    for first, second in [*[("right", "right")] * 3, ("right", "wrong"), ("wrong", "wrong"), ("unsure", "right")]:
        pair(first, second)
    pair("wrong", "right", "HP-1")
    # Decisions outside the queue are no pair.
    label_link(make_link_audit().pk, True, actor=make_user())
    hp1, hp2 = read_agreement().heuristics
    assert (hp2.right_right, hp2.right_wrong, hp2.wrong_right, hp2.wrong_wrong, hp2.unsure) == (3, 1, 0, 1, 1)
    assert (hp1.heuristic, hp1.pairs) == ("HP-1", 1)
    words = text_of(adam.get("/agreement/"))
    assert "All heuristics 6 links with two decisions; 1 more with an unsure decision, not counted" in words
    assert "Raw agreement 0.80" in words
    assert "How to read the numbers" in words


def test_undone_decision_is_no_opinion() -> None:
    audit = pair("right", "wrong")
    review = LinkReview.objects.get(audit_id=audit.pk, reviewer="rose").pk
    sql.scalar("record_link_review", audit.pk, "undone", "rose", "queue", None, None, None, review)
    assert read_agreement().heuristics == []
    assert [each.reviewer for each in read_agreement().reviewers] == ["rita"]


def test_reviewers_are_compared_from_twenty_adjudications(adam: Client) -> None:
    for number in range(20):
        audit = pair("right", "wrong")
        sql.scalar("record_link_review", audit.pk, "wrong" if number < 5 else "right", "ada", "adjudication", "so")
        if number == 18:
            assert "after 1 more" in text_of(adam.get("/agreement/"))
    rita, rose = read_agreement().reviewers
    assert (rita.adjudicated, rita.upheld, rose.upheld) == (20, 15, 5)
    assert "rita 20 0 0 20 15 0.53 to 0.89" in text_of(adam.get("/agreement/"))


def test_without_a_pair(adam: Client) -> None:
    assert "No link has a second opinion yet." in text_of(adam.get("/agreement/"))
