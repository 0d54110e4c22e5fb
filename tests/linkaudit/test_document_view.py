"""Quoted passages are highlighted at their position, or reported as changed."""

from typing import Any

import pytest
from django.test import Client

from linkaudit import document_view
from linkaudit.document_view import Quote, parse_quote
from tests.factories import make_asset, make_document, make_link_audit, make_user
from tests.web.reading import text_of

EVIDENCE = {"quote": "Zidovudine", "page_no": 1, "char_start": 2, "char_end": 12}


def test_quote_is_parsed_from_evidence() -> None:
    assert parse_quote(EVIDENCE) == Quote("Zidovudine", 1, 2, 12)


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        [],
        None,
        "Zidovudine",
        {"quote": "Zidovudine"},
        {**EVIDENCE, "quote": ""},
        {**EVIDENCE, "page_no": "1"},
        {**EVIDENCE, "char_start": True},
        {**EVIDENCE, "char_start": -1},
        {**EVIDENCE, "char_end": 2},
    ],
)
def test_incomplete_quote_is_ignored(evidence: Any) -> None:
    assert parse_quote(evidence) is None


@pytest.mark.django_db
class TestOnThePage:
    @pytest.fixture
    def rita(self, client: Client) -> Client:
        client.force_login(make_user())
        return client

    def test_quote_is_highlighted_at_its_position(self, rita: Client) -> None:
        document = make_document("- Zidovudine (zidovudine)")
        audit = make_link_audit(doc=document, asset=make_asset("Zidovudine"), evidence_jsonb=EVIDENCE)
        page = rita.get(f"/links/{audit.pk}/")
        framed = '- <span class="quote" id="quote"><mark class="asset">Zidovudine</mark></span> (<mark class="asset">'
        assert framed in page.content.decode()
        assert "2 mentions of the asset" in text_of(page)

    def test_offsets_count_code_points(self, rita: Client) -> None:
        document = make_document("\U0001d4d0 Zidovudine")
        audit = make_link_audit(doc=document, evidence_jsonb=EVIDENCE)
        assert '<span class="quote" id="quote">Zidovudine</span>' in rita.get(f"/links/{audit.pk}/").content.decode()

    def test_changed_text_is_reported(self, rita: Client) -> None:
        audit = make_link_audit(doc=make_document("- Stavudine"), evidence_jsonb=EVIDENCE)
        words = text_of(rita.get(f"/links/{audit.pk}/"))
        assert "“Zidovudine” is no longer at its position on page 1: the text has changed." in words

    def test_quote_on_another_page_has_a_link(self, rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(document_view, "PAGES_PER_VIEW", 1)
        document = make_document("first", "- Zidovudine")
        audit = make_link_audit(doc=document, evidence_jsonb={**EVIDENCE, "page_no": 2})
        assert 'href="?from=2#quote"' in rita.get(f"/links/{audit.pk}/").content.decode()
        assert 'id="quote"' in rita.get(f"/links/{audit.pk}/?from=2").content.decode()
