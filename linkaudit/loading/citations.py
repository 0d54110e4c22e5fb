"""A publication of which only the citation is known, as a document."""

import re
from datetime import UTC, datetime

from linkaudit.loading.audit_row import AuditRow
from storage.loading import NewDocument

_PUBMED = re.compile(r"https?://pubmed\.ncbi\.nlm\.nih\.gov/(\d{1,9})/?")
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(10\.\d{4,9}/\S+)")


def citation_document(row: AuditRow, crawl_run_id: str) -> NewDocument:
    """The document of a proposal. Its bytes are the citation itself, since nothing else of it was fetched.

    A year counts as its first day, since the database holds moments.
    """
    text = _citation(row)
    return NewDocument(
        source_type=row.source_type,
        source_url=row.source_url,
        publisher=row.publisher or None,
        published_at=datetime(row.year, 1, 1, tzinfo=UTC) if row.year else None,
        content_type="text/plain; charset=utf-8",
        status="discovered",
        crawl_run_id=crawl_run_id,
        content=text.encode(),
        pages=[text],
    )


def citation_numbers(source_url: str) -> tuple[str | None, str | None]:
    """The PubMed number and the DOI that an address holds."""
    pubmed, doi = _PUBMED.fullmatch(source_url), _DOI.fullmatch(source_url)
    return pubmed[1] if pubmed else None, doi[1] if doi else None


def _citation(row: AuditRow) -> str:
    published = ", ".join(part for part in (row.publisher, str(row.year or "")) if part)
    cited = row.evidence.get("citation")
    lines = [row.title, published, cited if isinstance(cited, str) else "", row.source_url]
    return "\n".join(line for line in lines if line) + "\n"
