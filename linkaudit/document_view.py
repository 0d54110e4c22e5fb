"""A document as a reviewer reads it: its title, its highlighted pages, and the quoted passage."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models.functions import Left

from linkaudit.asset_names import list_distinct_names
from linkaudit.claims import HighlightedText, Terms, highlight, highlight_with_quote, render_claim
from linkaudit.models import LinkAudit
from ncfd_site.core.formatting import is_web_address
from storage.models import DocumentTextPage

# A filing has hundreds of pages. One view shows this many, with a link to the next ones.
PAGES_PER_VIEW = 40
TITLE_LENGTH = 300
# A registry record starts with its NCT ID, which is shown beside every title.
LEADING_NCT_ID = re.compile(r"NCT\d{8}: *")
PAGE_NUMBER = re.compile(r"[0-9]{1,9}")

# "": no quote; "shown": on these pages; "elsewhere": on other pages; "changed": the page has other text now.
QuoteState = Literal["", "shown", "elsewhere", "changed"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A quoted passage: its text, its page from 1, and its code points from `start` up to `end`, from 0."""

    text: str
    page_no: int
    start: int
    end: int

    def matches(self, page_text: str) -> bool:
        """Return whether the text of its page still has this passage at this position."""
        return page_text[self.start : self.end] == self.text


@dataclass(frozen=True, slots=True)
class HighlightedPage:
    """One page of text with its highlights."""

    number: int
    text: HighlightedText


@dataclass(frozen=True, slots=True)
class DocumentView:
    """Consecutive pages of a document; `next_page` is the number of the first page after them, or None."""

    pages: list[HighlightedPage]
    next_page: int | None
    quote: Quote | None
    quote_state: QuoteState

    @property
    def asset_count(self) -> int:
        """Number of mentions of the asset on these pages."""
        return sum(page.text.asset_count for page in self.pages)

    @property
    def trial_count(self) -> int:
        """Number of mentions of the NCT ID on these pages."""
        return sum(page.text.trial_count for page in self.pages)


def read_titles(doc_ids: Collection[int]) -> dict[int, str]:
    """Return the first line of each document that has text, without a leading NCT ID."""
    starts = (
        DocumentTextPage.objects.filter(doc_id__in=doc_ids, page_no=1)
        .annotate(start=Left("text", TITLE_LENGTH))
        .values_list("doc_id", "start")
    )
    titles = {doc_id: next(filter(None, map(str.strip, start.splitlines())), "") for doc_id, start in starts}
    return {doc_id: LEADING_NCT_ID.sub("", title, count=1) for doc_id, title in titles.items() if title}


def parse_quote(evidence: Any) -> Quote | None:
    """Return the quote in a link's evidence, or None if it is missing or incomplete."""
    if not isinstance(evidence, Mapping):
        return None
    text = evidence.get("quote")
    position = [evidence.get(name) for name in ("page_no", "char_start", "char_end")]
    if not isinstance(text, str) or not text or not all(type(number) is int for number in position):
        return None
    page_no, start, end = (int(number) for number in position if number is not None)
    return Quote(text, page_no, start, end) if 0 <= start < end else None


def read_document(audit: LinkAudit, terms: Terms, first_page: int = 1) -> DocumentView:
    """Return one view of the link's document from page `first_page`, highlighted."""
    found = list(
        DocumentTextPage.objects.filter(doc_id=audit.doc_id, page_no__gte=first_page)
        .order_by("page_no")
        .values_list("page_no", "text")[: PAGES_PER_VIEW + 1]
    )
    quote = parse_quote(audit.evidence_jsonb)
    state: QuoteState = "elsewhere" if quote and found else ""
    pages = []
    for number, text in found[:PAGES_PER_VIEW]:
        if quote and number == quote.page_no:
            state = "shown" if quote.matches(text) else "changed"
        if quote and number == quote.page_no and state == "shown":
            highlighted = highlight_with_quote(text, terms, quote.start, quote.end)
        else:
            highlighted = highlight(text, terms)
        pages.append(HighlightedPage(number, highlighted))
    return DocumentView(pages, found[PAGES_PER_VIEW][0] if len(found) > PAGES_PER_VIEW else None, quote, state)


def build_document_context(audit: LinkAudit, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the template context for a link's claim and document; `query` can name the first page, as `from`."""
    url, first_page = audit.doc.source_url or "", query.get("from", "")
    aliases = audit.asset.aliases.values_list("alias", flat=True)
    names = list_distinct_names(audit.asset.names_jsonb, aliases) if audit.asset.is_specified else []
    terms = Terms(names, audit.nct_id or "")
    return {
        "audit": audit,
        "claim": render_claim(audit),
        "source_link": url if is_web_address(url) else "",
        "terms": terms,
        "document": read_document(audit, terms, int(first_page) if PAGE_NUMBER.fullmatch(first_page) else 1),
    }
