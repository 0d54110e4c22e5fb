"""Documents beside the registry's, with their bytes and their text."""

from collections.abc import Iterator, Sequence

from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import Calendar, moment
from ncfd_site.demonstration.plan.publications import Publication
from storage.content import ContentStore
from storage.loading.documents import NewDocument, add_documents
from storage.models import Document

CRAWL = "demonstration"
WITHOUT_RESULTS = {"PR": "linked", "Abstract": "linked", "IR": "indexed", "FDA": "parsed"}
OPEN_ACCESS = {"Abstract": "open", "Paper": "green", "SEC_8K": "open"}
GONE = "https://snark.example/news/moved"

_TIMES = f"""
UPDATE documents SET discovered_at = published_at + interval '6 hours',
    fetched_at = CASE WHEN status <> 'discovered' THEN published_at + interval '7 hours' END,
    parsed_at = CASE WHEN status NOT IN ('discovered', 'fetched', 'error') THEN published_at + interval '8 hours' END
WHERE crawl_run_id LIKE '{CRAWL}:%%'
"""  # noqa: S608


def add_publications(publications: Sequence[Publication], calendar: Calendar, store: ContentStore) -> dict[str, int]:
    """Add every publication with its text; returns their numbers by address."""
    numbers = add_documents([_document(one) for one in publications], store)
    add_documents(list(_unread(calendar)), store)
    Document.objects.filter(source_url=GONE).update(error_msg="The server answered 404 Not Found: the page has moved.")
    for kind, access in OPEN_ACCESS.items():
        Document.objects.filter(source_type=kind, crawl_run_id__startswith=CRAWL).update(oa_status=access)
    sql.execute(_TIMES)
    return numbers


def _document(one: Publication) -> NewDocument:
    if one.found is None:
        status = WITHOUT_RESULTS[one.source_type]
    else:
        # Filings repeat what a release says: nobody has made a card of them yet.
        status = "ready_for_card" if one.source_type == "SEC_8K" else "card_built"
    return NewDocument(
        source_type=one.source_type,
        source_url=one.source_url,
        publisher=one.publisher,
        published_at=moment(one.published, 12, 30),
        content_type="text/html; charset=utf-8" if one.is_web_page else "text/plain; charset=utf-8",
        status=status,
        crawl_run_id=f"{CRAWL}:{one.published:%Y-%m}",
        content=one.content,
        pages=one.pages,
    )


def _unread(calendar: Calendar) -> Iterator[NewDocument]:
    """Documents whose text was not read out, each for another reason."""
    rows = [
        ("PR", GONE, "Snark Respiratory Corp.", "text/html", "error", b"<h1>404 Not Found</h1>\n"),
        ("Paper", "https://journal.example/pdf/4711", "Journal of Imaginary Medicine", "application/pdf", "fetched",
         b"%PDF-1.4\n% a scan without text, made up for the demonstration\n%%EOF\n"),
        ("Other", "https://registry.example/summary/17", None, "text/plain", "discovered", b"Known by its address.\n"),
    ]  # fmt: skip
    for place, (kind, address, publisher, content_type, status, content) in enumerate(rows):
        yield NewDocument(
            source_type=kind,
            source_url=address,
            publisher=publisher,
            published_at=calendar.at(-4 - place, 9),
            content_type=content_type,
            status=status,
            crawl_run_id=f"{CRAWL}:unread",
            content=content,
            pages=[],
        )
