"""No response shows what could bias a reviewer before the decision."""

from collections.abc import Callable
from typing import Any

import pytest

from linkaudit.models import LinkReview
from ncfd_site.core import sql
from tests.factories import make_document
from tests.linkaudit.review.conftest import (
    HEURISTIC,
    Reviewer,
    draw,
    expire_leases,
    make_links,
    slot_at,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]
SECRET = "an-earlier-decision"


def everything(answer: Any) -> str:
    """Return the response with its headers and cookies."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{headers}\n{answer.cookies.output()}\n{answer.content.decode()}"


def test_second_reviewer_sees_nothing_of_the_first(sign_in: SignIn) -> None:
    make_links(1, promotion_status="promoted", review_notes=SECRET)
    draw(share=1)
    rita, rose = sign_in(), sign_in("rose")
    rita.decide(rita.lease_address(), "wrong", SECRET)
    start = rose.lease()
    address = start["Location"]
    answers = [
        start,
        rose.client.get(address),
        rose.client.post(address, {"decision": "maybe"}),
        rose.client.post(f"{address}skip/", {"reason": ""}),
        rose.client.post(f"{address}heartbeat/"),
        rose.client.get(f"{address}?from=2"),
    ]
    for answer in answers:
        response = everything(answer)
        for word in (HEURISTIC, "0.73", "rita", SECRET, "gold", "promoted", "precision", "confidence", "onfidence"):
            assert word not in response, word
        assert '"decision wrong"' not in response
    expire_leases()
    for answer in (rose.client.get(address), rose.decide(address, "right")):
        assert answer.status_code == 409
        assert all(word not in everything(answer) for word in (HEURISTIC, "0.73", "rita", SECRET))


def test_undo_bar_shows_nothing_of_the_next_link(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    answer = rita.decide(rita.lease_address(), "right")
    page = everything(rita.client.get(answer["Location"]))
    assert "Labeled AB-10" in page
    assert HEURISTIC not in page
    assert "0.73" not in page


def test_desk_shows_no_precision(sign_in: SignIn) -> None:
    make_links(4)
    draw(share=1)
    rita = sign_in()
    rita.decide(rita.lease_address(), "right")
    words = text_of(rita.client.get("/review/"))
    assert f"{HEURISTIC} precision 1 of 8" in words
    for word in ("interval", "1.0000", "Met"):
        assert word not in words


def test_page_of_the_link_hides_reviews_until_the_reviewer_decides(sign_in: SignIn) -> None:
    (audit,) = make_links(1)
    draw(share=1)
    rita, rose = sign_in(), sign_in("rose")
    rita.decide(rita.lease_address(), "unsure", SECRET)
    before = text_of(rose.client.get(f"/links/{audit.pk}/"))
    assert "Reviews" not in before
    assert SECRET not in before
    rose.decide(rose.lease_address(), "right")
    words = text_of(rose.client.get(f"/links/{audit.pk}/"))
    assert "Reviews" in words
    assert "? unsure rita review queue" in words
    assert "is awaiting adjudication" in words


def test_scripts_in_evidence_and_text_are_escaped(sign_in: SignIn) -> None:
    bad = "<script>alert(1)</script>"
    make_links(1)
    sql.execute("UPDATE document_text_pages SET text = %s", [f"AB-100 {bad}"])
    sql.execute("UPDATE link_audit SET link_type = %s", [bad])
    draw()
    rita = sign_in()
    html = rita.client.get(rita.lease_address()).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_quote_is_highlighted_or_reported_as_changed(sign_in: SignIn) -> None:
    words = "AB-100 treats \U0001f9ea mice"
    document = make_document(f"\U0001f9ea First. {words}")
    start = len("\U0001f9ea First. ")
    evidence = {"quote": words, "page_no": 1, "char_start": start, "char_end": start + len(words), "rule": HEURISTIC}
    (audit,) = make_links(1, evidence_jsonb=evidence)
    sql.execute("UPDATE link_audit SET doc_id = %s", [document.pk])
    draw()
    rita = sign_in()
    address = rita.lease_address()
    page = rita.client.get(address).content.decode()
    assert '<span class="quote" id="quote"><mark class="asset">AB-100</mark> treats' in page
    sql.execute("UPDATE document_text_pages SET text = 'x' || text WHERE doc_id = %s", [document.pk])
    page = text_of(rita.client.get(address))
    assert "the text has changed" in page
    assert slot_at(address).audit_id == audit.pk
    assert not LinkReview.objects.exists()
