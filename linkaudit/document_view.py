"""A document as a reviewer reads it beside a claim: its text, marked, and the words that the claim quotes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from linkaudit.claims import is_specified
from linkaudit.documents import TextPage, document_text
from linkaudit.highlighting import (
    MarkedText,
    Terms,
    mark_terms,
    mark_terms_around,
)
from linkaudit.models import LinkAudit
from linkaudit.naming import distinct_names
from linkaudit.quotes import Quote, quote_of

PAGE_NUMBER = re.compile(r"[0-9]{1,9}")
# Where a quote is: none is given, it is on the pages shown, it is on other pages, or other words stand there now.
Place = Literal["", "here", "elsewhere", "gone"]


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """One page of text with its marks."""

    number: int
    text: MarkedText


@dataclass(frozen=True, slots=True)
class MarkedDocument:
    """Some pages of a document; `following` is the number of the first page after them, or None."""

    pages: list[MarkedPage]
    following: int | None
    quote: Quote | None
    quote_place: Place

    @property
    def asset_count(self) -> int:
        """How often the asset is named on these pages."""
        return sum(page.text.asset_count for page in self.pages)

    @property
    def trial_count(self) -> int:
        """How often the trial number stands on these pages."""
        return sum(page.text.trial_count for page in self.pages)


def terms_of(audit: LinkAudit) -> Terms:
    """Return the names and the number to look for; no names where the claim names no asset."""
    if not is_specified(audit.asset):
        return Terms([], audit.nct_id or "")
    aliases = audit.asset.aliases.values_list("alias", flat=True)
    return Terms(distinct_names([audit.asset.names_jsonb, *aliases]), audit.nct_id or "")


def first_page(query: Mapping[str, str]) -> int:
    """Return the page from which on somebody wants to read, by `from` in the address of the page."""
    wanted = query.get("from", "")
    return int(wanted) if PAGE_NUMBER.fullmatch(wanted) else 1


def read_document(audit: LinkAudit, terms: Terms, first_page: int = 1) -> MarkedDocument:
    """Return the pages of the claim's document from `first_page` on, as many as are shown at once, marked."""
    view = document_text(audit.doc_id, first_page)
    quote = quote_of(audit.evidence_jsonb)
    return MarkedDocument(
        [MarkedPage(page.number, _marked(page, terms, quote)) for page in view.pages],
        view.following,
        quote,
        _place(quote, view.pages),
    )


def _marked(page: TextPage, terms: Terms, quote: Quote | None) -> MarkedText:
    if quote and quote.stands_on(page):
        return mark_terms_around(page.text, terms, quote.start, quote.end)
    return mark_terms(page.text, terms)


def _place(quote: Quote | None, pages: list[TextPage]) -> Place:
    if quote is None or not pages:
        return ""
    for page in pages:
        if page.number == quote.page_no:
            return "here" if quote.stands_on(page) else "gone"
    return "elsewhere"
