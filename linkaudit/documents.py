"""The text of documents, as a reviewer needs it: a title in a list, pages beside a claim."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models.functions import Left

from storage.models import DocumentTextPage

# A filing has hundreds of pages; this many make one view, and the next ones are a link away.
PAGES_AT_ONCE = 40
TITLE_LENGTH = 300
# A registry record begins with its number; where a title is shown, the number stands beside it already.
LEADING_NUMBER = re.compile(r"NCT\d{8}: *")


@dataclass(frozen=True, slots=True)
class TextPage:
    """One page of a document's text."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class TextView:
    """Some pages of a document in a row; `following` is the number of the first page after them, or None."""

    pages: list[TextPage]
    following: int | None


def document_titles(doc_ids: Collection[int]) -> dict[int, str]:
    """Return the first line of text of each document that has one, without the trial number in front of it."""
    starts = (
        DocumentTextPage.objects.filter(doc_id__in=doc_ids, page_no=1)
        .annotate(start=Left("text", TITLE_LENGTH))
        .values_list("doc_id", "start")
    )
    titles = {doc_id: next(filter(None, map(str.strip, start.splitlines())), "") for doc_id, start in starts}
    return {doc_id: LEADING_NUMBER.sub("", title, count=1) for doc_id, title in titles.items() if title}


def document_text(doc_id: int, first: int = 1) -> TextView:
    """Return the pages of a document from number `first` on, as many as are shown at once."""
    found = list(
        DocumentTextPage.objects.filter(doc_id=doc_id, page_no__gte=first)
        .order_by("page_no")
        .values_list("page_no", "text")[: PAGES_AT_ONCE + 1]
    )
    following = found[PAGES_AT_ONCE][0] if len(found) > PAGES_AT_ONCE else None
    return TextView([TextPage(number, text) for number, text in found[:PAGES_AT_ONCE]], following)
