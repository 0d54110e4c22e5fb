"""Links of documents as the pipelines found them; their table has no key, so no model can stand for a row of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ncfd_site.core import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLink:
    """A document that is said to be about a trial, a study, an asset or a company, or several of them.

    `confidence` is from 0 to 1. What the link does not speak of is None.
    """

    doc_id: int
    nct_id: str | None
    study_id: int | None
    asset_id: int | None
    company_id: int | None
    link_type: str
    confidence: Decimal
    created_at: datetime


def document_links(doc_id: int) -> list[DocumentLink]:
    """Return the links of a document, the surest first."""
    return sql.rows(
        """
        SELECT doc_id, nct_id, study_id, asset_id, company_id, link_type, confidence, created_at
        FROM document_links WHERE doc_id = %s ORDER BY confidence DESC, created_at, link_type
        """,
        [doc_id],
        of=DocumentLink,
    )


def trial_document_links(nct_id: str) -> list[DocumentLink]:
    """Return the links of documents to the trial with this number, the surest first."""
    return sql.rows(
        """
        SELECT doc_id, nct_id, study_id, asset_id, company_id, link_type, confidence, created_at
        FROM document_links WHERE nct_id = %s ORDER BY confidence DESC, created_at, doc_id, link_type
        """,
        [nct_id],
        of=DocumentLink,
    )
