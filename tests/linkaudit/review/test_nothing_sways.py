"""What would sway a reviewer is in no answer before the decision."""

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
    end_leases,
    make_links,
    place_at,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]
SECRET = "they-said-this-before"


def everything(answer: Any) -> str:
    """All that a browser gets: the answer, its headers and its cookies."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{headers}\n{answer.cookies.output()}\n{answer.content.decode()}"


def test_the_second_reviewer_sees_nothing_of_the_first(sign_in: SignIn) -> None:
    make_links(1, promotion_status="promoted", review_notes=SECRET)
    draw(share=1)
    rita, rose = sign_in(), sign_in("rose")
    rita.say(rita.address(), "wrong", SECRET)
    start = rose.claim()
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
        told = everything(answer)
        for word in (HEURISTIC, "0.73", "rita", SECRET, "gold", "promoted", "precision", "confidence", "onfidence"):
            assert word not in told, word
        assert '"decision wrong"' not in told
    end_leases()
    for answer in (rose.client.get(address), rose.say(address, "right")):
        assert answer.status_code == 409
        assert all(word not in everything(answer) for word in (HEURISTIC, "0.73", "rita", SECRET))


def test_the_bar_of_the_last_decision_tells_nothing_of_the_next_link(sign_in: SignIn) -> None:
    make_links(2)
    draw()
    rita = sign_in()
    answer = rita.say(rita.address(), "right")
    told = everything(rita.client.get(answer["Location"]))
    assert "Your last decision" in told
    assert HEURISTIC not in told
    assert "0.73" not in told


def test_the_desk_shows_progress_and_no_precision(sign_in: SignIn) -> None:
    make_links(4)
    draw(share=1)
    rita = sign_in()
    rita.say(rita.address(), "right")
    words = text_of(rita.client.get("/review/"))
    assert f"{HEURISTIC} precision 1 of 8" in words
    for word in ("interval", "1.0000", "Met"):
        assert word not in words


def test_what_a_reviewer_may_not_see_before_is_not_on_the_page_of_the_link_either(sign_in: SignIn) -> None:
    (audit,) = make_links(1)
    draw(share=1)
    rita, rose = sign_in(), sign_in("rose")
    rita.say(rita.address(), "unsure", SECRET)
    before = text_of(rose.client.get(f"/links/{audit.pk}/"))
    assert "Decisions" not in before
    assert SECRET not in before
    rose.say(rose.address(), "right")
    words = text_of(rose.client.get(f"/links/{audit.pk}/"))
    assert "Decisions" in words
    assert "? unsure rita in the queue" in words
    assert "waits for an adjudicator" in words


def test_a_script_in_the_evidence_or_text_is_inert(sign_in: SignIn) -> None:
    bad = "<script>alert(1)</script>"
    make_links(1)
    sql.execute("UPDATE document_text_pages SET text = %s", [f"AB-100 {bad}"])
    sql.execute("UPDATE link_audit SET link_type = %s", [bad])
    draw()
    rita = sign_in()
    html = rita.client.get(rita.address()).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_a_quote_that_is_no_longer_there_is_said_and_one_that_is_is_marked(sign_in: SignIn) -> None:
    words = "AB-100 treats \U0001f9ea mice"
    document = make_document(f"\U0001f9ea First. {words}")
    start = len("\U0001f9ea First. ")
    evidence = {"quote": words, "page_no": 1, "char_start": start, "char_end": start + len(words), "rule": HEURISTIC}
    (audit,) = make_links(1, evidence_jsonb=evidence)
    sql.execute("UPDATE link_audit SET doc_id = %s", [document.pk])
    draw()
    rita = sign_in()
    address = rita.address()
    page = rita.client.get(address).content.decode()
    assert '<span class="quote" id="quote"><mark class="asset">AB-100</mark> treats' in page
    sql.execute("UPDATE document_text_pages SET text = 'x' || text WHERE doc_id = %s", [document.pk])
    page = text_of(rita.client.get(address))
    assert "other words stand there now: the text has changed since" in page
    assert place_at(address).audit_id == audit.pk
    assert not LinkReview.objects.exists()
