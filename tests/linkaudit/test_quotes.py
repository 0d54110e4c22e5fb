"""The words that a claim quotes are shown where they stand, and it is said when they no longer do."""

from typing import Any

import pytest
from django.test import Client

from linkaudit import documents
from linkaudit.quotes import Quote, quote_of
from tests.factories import make_asset, make_document, make_link_audit, make_user
from tests.web.reading import text_of

EVIDENCE = {"quote": "Zidovudine", "page_no": 1, "char_start": 2, "char_end": 12}


def test_a_quote_is_read_from_the_evidence() -> None:
    assert quote_of(EVIDENCE) == Quote("Zidovudine", 1, 2, 12)


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
def test_evidence_without_a_whole_quote_has_none(evidence: Any) -> None:
    assert quote_of(evidence) is None


@pytest.mark.django_db
class TestOnThePage:
    @pytest.fixture
    def rita(self, client: Client) -> Client:
        client.force_login(make_user())
        return client

    def test_the_quoted_words_are_framed_at_their_place(self, rita: Client) -> None:
        document = make_document("- Zidovudine (zidovudine)")
        audit = make_link_audit(doc=document, asset=make_asset("Zidovudine"), evidence_jsonb=EVIDENCE)
        page = rita.get(f"/links/{audit.pk}/")
        framed = '- <span class="quote" id="quote"><mark class="asset">Zidovudine</mark></span> (<mark class="asset">'
        assert framed in page.content.decode()
        assert "named 2 times" in text_of(page)

    def test_offsets_count_code_points(self, rita: Client) -> None:
        document = make_document("\U0001d4d0 Zidovudine")
        audit = make_link_audit(doc=document, evidence_jsonb=EVIDENCE)
        assert '<span class="quote" id="quote">Zidovudine</span>' in rita.get(f"/links/{audit.pk}/").content.decode()

    def test_other_words_at_the_place_are_said(self, rita: Client) -> None:
        audit = make_link_audit(doc=make_document("- Stavudine"), evidence_jsonb=EVIDENCE)
        words = text_of(rita.get(f"/links/{audit.pk}/"))
        assert "quotes “Zidovudine” on page 1, but other words stand there now" in words

    def test_a_quote_on_pages_not_shown_has_a_link(self, rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(documents, "PAGES_AT_ONCE", 1)
        document = make_document("first", "- Zidovudine")
        audit = make_link_audit(doc=document, evidence_jsonb={**EVIDENCE, "page_no": 2})
        assert 'href="?from=2#quote"' in rita.get(f"/links/{audit.pk}/").content.decode()
        assert 'id="quote"' in rita.get(f"/links/{audit.pk}/?from=2").content.decode()
