"""What a loaded document says of drugs and trials: handed from the loader of documents to the one of links."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a document, its kind as the document has it (or ""), and its place on a page of the text.

    Pages count from 1; characters are code points from 0, the end one past the last.
    """

    name: str
    kind: str
    page_no: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class RegistryDocument:
    """A version of a registry record as a document, and the interventions that it lists."""

    doc_id: int
    is_new: bool
    nct_id: str
    source_url: str
    version: str
    last_update_posted: str | None
    mentions: Sequence[Mention]
