"""The page of one link: the claim, the marked text, the evidence, and labelling."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from linkaudit import documents
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


def test_it_says_the_claim_and_marks_asset_and_trial_in_the_text(rita: Client) -> None:
    make_trial(nct_id="NCT01234567", sponsor_text="Novo Nordisk")
    audit = make_link_audit(
        nct_id="NCT01234567",
        asset=make_asset("Semaglutide", "NN-9535"),
        doc=make_document("NCT01234567: semaglutide, NN 9535"),
        evidence_jsonb={"matched_alias": "semaglutide", "distance": 12},
    )
    page = rita.get(f"/links/{audit.pk}/")
    html, words = page.content.decode(), text_of(page)
    assert "This registry record says that Semaglutide is an intervention of trial NCT01234567." in words
    assert '<mark class="trial">NCT01234567</mark>: <mark class="asset">semaglutide</mark>' in html
    assert '<mark class="asset">NN 9535</mark>' in html
    assert "the asset is named 2 times, and the trial number is there 1 time" in words
    assert "Matched alias semaglutide" in words
    assert "Distance 12" in words
    assert "Novo Nordisk" in words


def test_the_number_of_queries_is_known(rita: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    audits = [make_link_audit(doc=make_document(*["text"] * 5), asset=make_asset("A1", "B2", "C3")) for _ in range(3)]
    rita.get(f"/links/{audits[1].pk}/")
    # Session, person, two for permissions; link, names, text, trial, the links before and after, whether it waits for
    # an adjudicator, and whether rita has said something of it.
    with django_assert_num_queries(12):
        rita.get(f"/links/{audits[1].pk}/")


def test_html_in_text_names_evidence_and_note_stays_text(rita: Client) -> None:
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


def test_a_document_without_text_says_so_and_names_its_status(rita: Client) -> None:
    audit = make_link_audit(doc=make_document(status="error", error_msg="the server answered 404"))
    words = text_of(rita.get(f"/links/{audit.pk}/"))
    assert "No text of this document was read into the database: open it at its source" in words
    assert "Its status is “error”: the server answered 404." in words


def test_what_is_not_in_the_text_is_said(rita: Client) -> None:
    audit = make_link_audit(doc=make_document("Nothing of the kind."))
    assert "the asset is not named, and the trial number is not there" in text_of(rita.get(f"/links/{audit.pk}/"))


def test_a_long_document_is_read_in_parts(rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PAGES_AT_ONCE", 2)
    audit = make_link_audit(doc=make_document("first", "second", "third"))
    page = rita.get(f"/links/{audit.pk}/")
    assert "third" not in text_of(page)
    assert 'href="?from=3"' in page.content.decode()
    assert "Page 3 third" in text_of(rita.get(f"/links/{audit.pk}/?from=3"))
    assert rita.get(f"/links/{audit.pk}/?from=²").status_code == 200


def test_a_decision_is_stored_and_the_next_open_link_of_the_filter_follows(rita: Client) -> None:
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
    assert "you labelled it ✓ right" in words


def test_after_the_last_one_the_list_says_that_all_are_labelled(rita: Client) -> None:
    audit = make_link_audit()
    page = rita.post(
        f"/links/{audit.pk}/?heuristic=HP-2",
        {"decision": "wrong", "seen_at": audit.updated_at.isoformat()},
        follow=True,
    )
    assert page.redirect_chain == [("/links/?heuristic=HP-2", 302)]
    assert "Every link of this selection is labelled." in text_of(page)


def test_it_says_who_labelled_and_when(rita: Client) -> None:
    audit = make_link_audit(label=False, reviewed_by="rita", reviewed_at=timezone.now() - timedelta(hours=3))
    words = text_of(rita.get(f"/links/{audit.pk}/"))
    assert "✗ wrong by rita (human review), 3 hours ago" in words


def test_undo_restores_what_was_there(rita: Client) -> None:
    audit = make_link_audit()
    make_link_audit()
    send(rita, audit, "right", note="hasty")
    page = rita.post(f"/links/{audit.pk}/undo/", follow=True)
    assert page.redirect_chain == [(f"/links/{audit.pk}/", 302)]
    assert f"Taken back: link {audit.pk} is open again." in text_of(page)
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert (stored.label, stored.reviewed_by, stored.review_notes) == (None, None, None)
    assert "nothing to take back" in text_of(rita.post(f"/links/{audit.pk}/undo/", follow=True))


def test_undo_leaves_what_somebody_changed_since(rita: Client) -> None:
    audit = make_link_audit()
    send(rita, audit, "right")
    label_link(audit.pk, False, actor=make_user(Role.ADJUDICATOR))
    page = rita.post(f"/links/{audit.pk}/undo/", follow=True)
    assert "was changed since you labelled it" in text_of(page)
    assert LinkAudit.objects.get(pk=audit.pk).label is False


def test_undo_is_offered_for_ten_minutes(rita: Client) -> None:
    audit = make_link_audit()
    send(rita, audit, "right")
    session = rita.session
    session["last_label"]["written_at"] = (timezone.now() - timedelta(minutes=11)).isoformat()
    session.save()
    assert "you labelled it" not in text_of(rita.get("/links/"))
    assert "nothing to take back" in text_of(rita.post(f"/links/{audit.pk}/undo/", follow=True))


def test_a_change_meanwhile_is_a_conflict_that_keeps_the_note(rita: Client) -> None:
    audit = make_link_audit()
    label_link(audit.pk, False, actor=make_user(Role.ADJUDICATOR))
    page = send(rita, audit, "right", note="it is in table 2")
    assert page.status_code == 409
    words = text_of(page)
    assert "was changed while you were looking at it. Nothing was overwritten." in words
    assert "It is now ✗ wrong, by adam" in words
    assert "it is in table 2" in words
    assert LinkAudit.objects.get(pk=audit.pk).reviewed_by == "adam"


def test_a_form_sent_twice_is_no_conflict_with_itself(rita: Client) -> None:
    audit = make_link_audit()
    following = make_link_audit()
    for _ in range(2):
        answer = send(rita, audit, "right")
        assert answer["Location"] == f"/links/{following.pk}/"
    assert "you labelled it ✓ right" in text_of(rita.get("/links/"))


@pytest.mark.parametrize(
    "broken", [{"decision": "maybe"}, {"seen_at": ""}, {"seen_at": "2024-13-45T00:00"}, {"note": "x" * 2001}]
)
def test_a_broken_form_changes_nothing_and_keeps_the_note(rita: Client, broken: dict[str, str]) -> None:
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
def test_who_may_not_label_reads_and_is_told_why(client: Client, role: Role) -> None:
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


def test_a_reviewer_reads_somebody_elses_label(rita: Client) -> None:
    audit = make_link_audit(label=True, reviewed_by="adam", review_notes="see page 2")
    page = rita.get(f"/links/{audit.pk}/")
    assert "was labelled by adam" in text_of(page)
    assert "see page 2" in text_of(page)
    assert 'name="decision"' not in page.content.decode()


@pytest.mark.parametrize("audit_id", [1, 10**30])
def test_a_link_that_is_not_there_says_so(rita: Client, audit_id: int) -> None:
    page = rita.get(f"/links/{audit_id}/")
    assert page.status_code == 404
    assert f"There is no link {audit_id}" in text_of(page)
    assert rita.post(f"/links/{audit_id}/undo/").status_code == 302


def test_a_label_needs_the_proof_that_the_form_is_ours(rita: Client) -> None:
    audit = make_link_audit()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = rita.cookies
    refused = send(strict, audit, "right")
    assert refused.status_code == 403
    assert "Form not accepted" in text_of(refused)
    assert LinkAudit.objects.get(pk=audit.pk).label is None


def test_a_get_never_labels_or_takes_back(rita: Client) -> None:
    audit = make_link_audit()
    rita.get(f"/links/{audit.pk}/?decision=right")
    assert rita.get(f"/links/{audit.pk}/undo/").status_code == 405
    assert LinkAudit.objects.get(pk=audit.pk).label is None
