"""Each quoted text is at the place that its evidence states."""

import re

import pytest

from linkaudit.document_view import parse_quote
from linkaudit.models import LinkAudit
from ncfd_site.core import sql
from signals.models import Signal, Study, Trial
from storage.models import Document, DocumentTextPage
from storage.queries import list_document_entities

pytestmark = pytest.mark.django_db


@pytest.fixture
def texts() -> dict[tuple[int, int], str]:
    """The text of every page, by document and page."""
    return {(page.doc_id, page.page_no): page.text for page in DocumentTextPage.objects.all()}


def test_the_quote_of_every_link_is_in_its_document(texts: dict[tuple[int, int], str]) -> None:
    audits = LinkAudit.objects.all()
    assert audits
    for audit in audits:
        quote = parse_quote(audit.evidence_jsonb)
        assert quote, audit
        assert texts[audit.doc_id, quote.page_no][quote.start : quote.end] == quote.text


def test_the_quote_of_every_signal_is_in_its_document(texts: dict[tuple[int, int], str]) -> None:
    from_texts = Signal.objects.exclude(s_id="S1")
    assert from_texts
    for signal in from_texts.select_related("source_study"):
        assert signal.source_study
        place = signal.metadata
        page = texts[place["doc_id"], place["page_no"]]
        assert page[place["char_start"] : place["char_end"]] == signal.evidence_span
        assert Document.objects.get(pk=place["doc_id"]).source_url == signal.source_study.url


def test_entities_are_where_they_were_found(texts: dict[tuple[int, int], str]) -> None:
    kinds = set()
    for document in Document.objects.exclude(source_type="Registry"):
        for one in list_document_entities(document.pk):
            assert one.page_no
            assert texts[document.pk, one.page_no][one.char_start : one.char_end] == one.value_text
            kinds.add(one.ent_type)
    assert kinds == {"drug", "NCT ID", "p-value"}


def test_the_quote_of_a_card_is_in_its_text(texts: dict[tuple[int, int], str]) -> None:
    for study in Study.objects.all():
        source = (study.extracted_jsonb or {})["source"]
        pages = [text for (document, _), text in texts.items() if document == source["doc_id"]]
        assert any(source["quote"] in text for text in pages)


def test_pages_are_prose_and_their_characters_are_counted() -> None:
    for page in DocumentTextPage.objects.all():
        assert page.char_count == len(page.text) > 100
        assert not re.search(r"\bNone\b", page.text)
        assert "  " not in page.text.replace("\n  ", "\n")
        assert "{" not in page.text


def test_documents_are_tied_to_trials_that_exist() -> None:
    numbers = set(Trial.objects.values_list("nct_id", flat=True))
    with_text = Document.objects.exclude(text_pages=None).distinct()
    for document in with_text:
        linked = sql.value("SELECT array_agg(nct_id) FROM document_links WHERE doc_id = %s", [document.pk])
        assert linked
        assert set(linked) <= numbers
    assert Document.objects.filter(text_pages=None).count() == 3
