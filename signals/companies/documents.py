"""Documents about a company, by its own links and by those of its trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from linkaudit.document_view import LEADING_NCT_ID, TITLE_LENGTH
from ncfd_site.core import sql
from ncfd_site.core.formatting import is_web_address
from storage.models import Document

SHOWN = 20
# Trials whose documents are looked up, the ones with the latest readout first.
MOST_TRIALS = 1_000


@dataclass(frozen=True, slots=True)
class CompanyDocument:
    """A document with what it is about; `nct_id` None where only the company is named."""

    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    link_type: str
    nct_id: str | None
    title: str

    @property
    def web_address(self) -> str:
        """The web address of the original; "" without one."""
        return self.source_url if self.source_url and is_web_address(self.source_url) else ""

    @property
    def kind(self) -> str:
        """The label of the publication type."""
        return str(Document.SourceType(self.source_type).label)


@dataclass(frozen=True, slots=True)
class _Found:
    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    link_type: str
    nct_id: str | None
    beginning: str | None


def documents_of(company_ids: Sequence[int]) -> list[CompanyDocument]:
    """Return the latest documents about these companies or their trials, each once."""
    found = sql.rows(
        """
        WITH own AS (
            SELECT nct_id FROM trials WHERE sponsor_company_id = ANY (%(companies)s)
            ORDER BY est_primary_completion_date DESC NULLS LAST, trial_id LIMIT %(trials)s
        ), links AS (
            SELECT l.doc_id, l.link_type, l.nct_id FROM own JOIN document_links l ON l.nct_id = own.nct_id
            UNION ALL
            SELECT l.doc_id, l.link_type, l.nct_id FROM document_links l WHERE l.company_id = ANY (%(companies)s)
        ), once AS (
            SELECT DISTINCT ON (doc_id) doc_id, link_type, nct_id FROM links ORDER BY doc_id, nct_id, link_type
        )
        SELECT d.doc_id, d.source_type::text AS source_type, d.source_url, d.publisher, d.published_at,
               latest.link_type, latest.nct_id, left(p.text, %(length)s) AS beginning
        FROM (SELECT once.* FROM once JOIN documents d ON d.doc_id = once.doc_id
              ORDER BY d.published_at DESC NULLS LAST, d.doc_id DESC LIMIT %(shown)s) latest
        JOIN documents d ON d.doc_id = latest.doc_id
        LEFT JOIN document_text_pages p ON p.doc_id = d.doc_id AND p.page_no = 1
        ORDER BY d.published_at DESC NULLS LAST, d.doc_id DESC
        """,
        {"companies": list(company_ids), "trials": MOST_TRIALS, "shown": SHOWN, "length": TITLE_LENGTH},
        of=_Found,
    )
    return [
        CompanyDocument(
            one.doc_id,
            one.source_type,
            one.source_url,
            one.publisher,
            one.published_at,
            one.link_type.replace("_", " "),
            one.nct_id,
            _title(one.beginning),
        )
        for one in found
    ]


def _title(beginning: str | None) -> str:
    """The first line of a text that has words, without the NCT ID in front of it."""
    line = next(filter(None, map(str.strip, (beginning or "").splitlines())), "")
    return LEADING_NCT_ID.sub("", line, count=1)
