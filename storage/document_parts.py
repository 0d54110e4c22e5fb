"""Parts of a document whose tables have no key, so that no model can stand for a row of them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ncfd_site.core import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentEntity:
    """Something that a detector recognised in the text of a document: a drug, an endpoint, a trial number.

    Offsets count characters within the page's text; `confidence` is from 0 to 1, or None where the detector gave none.
    """

    doc_id: int
    page_no: int | None
    ent_type: str
    value_text: str
    value_norm: str | None
    char_start: int | None
    char_end: int | None
    detector: str | None
    confidence: Decimal | None
    created_at: datetime


def document_entities(doc_id: int) -> list[DocumentEntity]:
    """Return what was recognised in the document, in the order of its text."""
    return sql.rows(
        """
        SELECT doc_id, page_no, ent_type, value_text, value_norm, char_start, char_end, detector, confidence, created_at
        FROM document_entities WHERE doc_id = %s ORDER BY page_no, char_start, char_end, ent_type, value_text
        """,
        [doc_id],
        of=DocumentEntity,
    )
