"""A study with its card, missing fields and signals, for its page."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ncfd_site.core import sql
from signals.models import Signal, StagingError
from signals.trials.run_record import ReadJson, read_json

LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study with its trial and the document that its card was read from; the card is JSON text."""

    study_id: int
    trial_id: int
    nct_id: str
    is_pivotal: bool
    doc_type: str
    citation: str | None
    year: int
    url: str | None
    oa_status: str
    coverage_level: str | None
    notes_md: str | None
    p_value: Decimal | None
    created_at: datetime
    updated_at: datetime
    card: str | None
    doc_id: int | None
    source_url: str | None


@dataclass(frozen=True, slots=True)
class RestingSignal:
    """A signal of the study's trial that was found in the study."""

    s_id: str
    severity: str
    value: Decimal | None
    quote: str | None
    fired_at: datetime

    @property
    def name(self) -> str:
        """The code with its title."""
        return str(dict(Signal.Code.choices).get(self.s_id, self.s_id))


@dataclass(frozen=True, slots=True)
class StudyCard:
    """All that the page of a study shows."""

    row: StudyRow
    card: ReadJson
    lacks: list[StagingError]
    signals: list[RestingSignal]


_STUDY = """
    SELECT s.study_id, s.trial_id, t.nct_id, t.is_pivotal, s.doc_type, s.citation, s.year, s.url, s.oa_status,
           s.coverage_level, left(s.notes_md, 10000) AS notes_md, s.p_value, s.created_at, s.updated_at,
           s.extracted_jsonb::text AS card, d.doc_id, d.source_url
    FROM studies s JOIN trials t ON t.trial_id = s.trial_id
    LEFT JOIN LATERAL (
        SELECT doc_id, source_url FROM documents
        WHERE doc_id = CASE WHEN s.extracted_jsonb #>> '{source,doc_id}' ~ '^[0-9]{1,18}$'
                            THEN (s.extracted_jsonb #>> '{source,doc_id}')::bigint END
    ) d ON true
    WHERE s.study_id = %s
"""


def load_study_card(study_id: int) -> StudyCard | None:
    """Return a study with its card, validation errors and signals; None for an unknown ID."""
    if study_id > LARGEST_KEY:
        return None
    found = sql.rows(_STUDY, [study_id], of=StudyRow)
    if not found:
        return None
    errors = StagingError.objects.filter(study_id=study_id).defer("extracted_jsonb").order_by("-pk")[:20]
    signals = sql.rows(
        """SELECT "S_id" AS s_id, severity, value, left(evidence_span, 2000) AS quote, fired_at
           FROM signals WHERE source_study_id = %s ORDER BY "S_id", signal_id LIMIT 50""",
        [study_id],
        of=RestingSignal,
    )
    return StudyCard(found[0], read_json(found[0].card), list(errors), signals)
