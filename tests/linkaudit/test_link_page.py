"""The page of one link: claim, document, evidence, labeling and undo."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from linkaudit import document_view
from linkaudit.models import LinkAudit
from linkaudit.services import label_link
from ncfd_site.core.roles import Role
from tests.factories import make_asset, make_document, make_link_audit, make_trial, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


def send(client: Client, audit: LinkAudit, decision: str, query: str = "", **fields: Any) -> HttpResponse:
    form = {"decision": decision, "note": "", "seen_at": audit.updated_at.isoformat(), **fields}
    return client.post(f"/links/{audit.pk}/{query}", form)  # type: ignore[return-value]


def test_page_shows_the_claim_and_highlights_its_terms(rita: Client) -> None:
    make_trial(nct_id="NCT01234567", sponsor_text="Novo Nordisk")
    audit = make_link_audit(
        nct_id="NCT01234567",
        asset=make_asset("Semaglutide", "NN-9535"),
        doc=make_document("NCT01234567: semaglutide, NN 9535"),
        evidence_jsonb={"matched_alias": "semaglutide", "distance": 12},
    )
    page = rita.get(f"/links/{audit.pk}/")
    html, words = page.content.decode(), text_of(page)
    assert "This registry record states that Semaglutide is an intervention of trial NCT01234567." in words
    assert '<mark class="trial">NCT01234567</mark>: <mark class="asset">semaglutide</mark>' in html
    assert '<mark class="asset">NN 9535</mark>' in html
    assert "2 mentions of the asset, 1 mention of the NCT ID." in words
    assert "Matched alias semaglutide" in words
    assert "Distance 12" in words
    assert "Novo Nordisk" in words


def test_query_count(rita: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    audits = [make_link_audit(doc=make_document(*["text"] * 5), asset=make_asset("A1", "B2", "C3")) for _ in range(3)]
    rita.get(f"/links/{audits[1].pk}/")
    # Session, user, two for permissions; link, open samples, names, text, trial, previous and next link, disagreement,
    # own decisions.
    with django_assert_num_queries(13):
        rita.get(f"/links/{audits[1].pk}/")


def test_html_in_data_is_escaped(rita: Client) -> None:
    bad = "<script>alert(1)</script>"
    audit = make_link_audit(
        asset=make_asset(bad),
        doc=make_document(bad, publisher=bad, source_url=f"javascript:{bad}"),
        link_type=bad,
        nct_id=bad,
        heuristic_applied="HP-1",
        evidence_jsonb={bad: [bad, {"x": "javascript:alert(1)"}]},
        review_notes=bad,
        label=True,
    )
    html = rita.get(f"/links/{audit.pk}/").content.decode()
    assert "<script>alert" not in html
    assert 'href="javascript:' not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_document_without_text_shows_its_status(rita: Client) -> None:
    audit = make_link_audit(doc=make_document(status="error", error_msg="the server answered 404"))
    words = text_of(rita.get(f"/links/{audit.pk}/"))
    assert "The database has no text of this document. Open it at its source." in words
    assert "Status: error (the server answered 404)." in words


def test_missing_mentions_are_shown(rita: Client) -> None:
    audit = make_link_audit(doc=make_document("Nothing of the kind."))
    assert "No mention of the asset, no mention of the NCT ID." in text_of(rita.get(f"/links/{audit.pk}/"))


def test_long_document_is_paged(rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_view, "PAGES_PER_VIEW", 2)
    audit = make_link_audit(doc=make_document("first", "second", "third"))
    page = rita.get(f"/links/{audit.pk}/")
    assert "third" not in text_of(page)
    assert 'href="?from=3"' in page.content.decode()
    assert "Page 3 third" in text_of(rita.get(f"/links/{audit.pk}/?from=3"))
    assert rita.get(f"/links/{audit.pk}/?from=²").status_code == 200


def test_decision_is_stored_and_the_next_open_link_follows(rita: Client) -> None:
    audit = make_link_audit()
    make_link_audit(heuristic_applied="HP-1")
    following = make_link_audit()
    answer = send(rita, audit, "right", "?heuristic=HP-2", note="in the arms")
    assert answer.status_code == 302
    assert answer["Location"] == f"/links/{following.pk}/?heuristic=HP-2"
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert (stored.label, stored.reviewed_by, stored.review_notes) == (True, "rita", "in the arms")
    words = text_of(rita.get(answer["Location"]))
    assert f"Link {audit.pk}" in words
    assert "you labeled it ✓ right" in words


def test_last_label_returns_to_the_list(rita: Client) -> None:
    audit = make_link_audit()
    page = rita.post(
        f"/links/{audit.pk}/?heuristic=HP-2",
        {"decision": "wrong", "seen_at": audit.updated_at.isoformat()},
        follow=True,
    )
    assert page.redirect_chain == [("/links/?heuristic=HP-2", 302)]
    assert "Every link of this selection is labeled." in text_of(page)


def test_page_shows_reviewer_and_date(rita: Client) -> None:
    audit = make_link_audit(label=False, reviewed_by="rita", reviewed_at=timezone.now() - timedelta(hours=3))
    words = text_of(rita.get(f"/links/{audit.pk}/"))
    assert "✗ wrong by rita (human review), 3 hours ago" in words


def test_undo_restores_the_link(rita: Client) -> None:
    audit = make_link_audit()
    make_link_audit()
    send(rita, audit, "right", note="hasty")
    page = rita.post(f"/links/{audit.pk}/undo/", follow=True)
    assert page.redirect_chain == [(f"/links/{audit.pk}/", 302)]
    assert f"Undone: link {audit.pk} is open again." in text_of(page)
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert (stored.label, stored.reviewed_by, stored.review_notes) == (None, None, None)
    assert f"Nothing to undo on link {audit.pk}." in text_of(rita.post(f"/links/{audit.pk}/undo/", follow=True))


def test_undo_keeps_a_later_change(rita: Client) -> None:
    audit = make_link_audit()
    send(rita, audit, "right")
    label_link(audit.pk, False, actor=make_user(Role.ADJUDICATOR))
    page = rita.post(f"/links/{audit.pk}/undo/", follow=True)
    assert "was changed after you labeled it" in text_of(page)
    assert LinkAudit.objects.get(pk=audit.pk).label is False


def test_undo_expires(rita: Client) -> None:
    audit = make_link_audit()
    send(rita, audit, "right")
    session = rita.session
    session["last_label"]["labeled_at"] = (timezone.now() - timedelta(minutes=11)).isoformat()
    session.save()
    assert "you labeled it" not in text_of(rita.get("/links/"))
    assert f"Nothing to undo on link {audit.pk}." in text_of(rita.post(f"/links/{audit.pk}/undo/", follow=True))


def test_concurrent_change_is_a_conflict_that_keeps_the_note(rita: Client) -> None:
    audit = make_link_audit()
    label_link(audit.pk, False, actor=make_user(Role.ADJUDICATOR))
    page = send(rita, audit, "right", note="it is in table 2")
    assert page.status_code == 409
    words = text_of(page)
    assert "was changed while you had it open. Nothing was overwritten." in words
    assert "Now ✗ wrong, by adam" in words
    assert "it is in table 2" in words
    assert LinkAudit.objects.get(pk=audit.pk).reviewed_by == "adam"


def test_repeated_form_is_no_conflict(rita: Client) -> None:
    audit = make_link_audit()
    following = make_link_audit()
    for _ in range(2):
        answer = send(rita, audit, "right")
        assert answer["Location"] == f"/links/{following.pk}/"
    assert "you labeled it ✓ right" in text_of(rita.get("/links/"))


@pytest.mark.parametrize(
    "broken", [{"decision": "maybe"}, {"seen_at": ""}, {"seen_at": "2024-13-45T00:00"}, {"note": "x" * 2001}]
)
def test_invalid_form_changes_nothing_and_keeps_the_note(rita: Client, broken: dict[str, str]) -> None:
    audit = make_link_audit()
    page = rita.post(
        f"/links/{audit.pk}/",
        {"decision": "right", "note": "kept", "seen_at": audit.updated_at.isoformat(), **broken},
    )
    assert page.status_code == 400
    assert "Nothing was changed." in text_of(page)
    assert broken.get("note", "kept") in page.content.decode()
    assert LinkAudit.objects.get(pk=audit.pk).label is None


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST])
def test_roles_that_may_not_label_see_the_reason(client: Client, role: Role) -> None:
    user = make_user(role)
    client.force_login(user)
    audit = make_link_audit()
    page = client.get(f"/links/{audit.pk}/")
    assert page.status_code == 200
    assert f"needs the permission linkaudit.label_linkaudit, which {user} does not have" in text_of(page)
    assert 'name="decision"' not in page.content.decode()
    refused = send(client, audit, "right")
    assert refused.status_code == 403
    assert "linkaudit.label_linkaudit" in text_of(refused)
    assert LinkAudit.objects.get(pk=audit.pk).label is None


def test_label_of_another_reviewer_is_read_only(rita: Client) -> None:
    audit = make_link_audit(label=True, reviewed_by="adam", review_notes="see page 2")
    page = rita.get(f"/links/{audit.pk}/")
    assert "was labeled by adam" in text_of(page)
    assert "see page 2" in text_of(page)
    assert 'name="decision"' not in page.content.decode()


@pytest.mark.parametrize("audit_id", [1, 10**30])
def test_unknown_link_is_not_found(rita: Client, audit_id: int) -> None:
    page = rita.get(f"/links/{audit_id}/")
    assert page.status_code == 404
    assert f"There is no link {audit_id}" in text_of(page)
    assert rita.post(f"/links/{audit_id}/undo/").status_code == 302


def test_labeling_requires_a_csrf_token(rita: Client) -> None:
    audit = make_link_audit()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = rita.cookies
    refused = send(strict, audit, "right")
    assert refused.status_code == 403
    assert "Form expired" in text_of(refused)
    assert LinkAudit.objects.get(pk=audit.pk).label is None


def test_get_never_labels_or_undoes(rita: Client) -> None:
    audit = make_link_audit()
    rita.get(f"/links/{audit.pk}/?decision=right")
    assert rita.get(f"/links/{audit.pk}/undo/").status_code == 405
    assert LinkAudit.objects.get(pk=audit.pk).label is None
