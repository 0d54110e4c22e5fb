"""API of studies with their cards, and of validation errors."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import LARGEST, Key, ListParams, Number, Page, Word, declare_get, pick, register_router
from ncfd_site.core.permissions import current_user
from signals.models import StagingError, Study

router = register_router("studies", 70)
VIEW, VIEW_ERRORS = "signals.view_study", "signals.view_stagingerror"
NEWEST_FIRST = [keyset.Key("pk", descending=True)]
MAX_ERRORS = 50


class StudyItem(Schema):
    """A published result of a trial."""

    study_id: int
    nct_id: str
    doc_type: str
    citation: str | None
    year: int
    url: str | None
    oa_status: str
    coverage_level: str | None
    p_value: Number = Field(description="Of the first primary result on the card; null if it is not a number.")
    object_id: int | None
    created_at: datetime
    updated_at: datetime


class StagingErrorItem(Schema):
    """A validation error."""

    error_id: int
    nct_id: str | None
    study_id: int | None
    error_type: str
    error_message: str
    created_at: datetime


class StudyDetail(StudyItem):
    """A study with its card."""

    card: Any = Field(description="Extracted content of the publication; null without a card.")
    errors: list[StagingErrorItem] | None = Field(
        description="Latest 50 validation errors; null without permission to view them."
    )


class Studies(Page):
    """A page of studies."""

    items: list[StudyItem]


class StudiesParams(ListParams):
    """Filters of studies."""

    nct_id: Word = Field("", description="Filter by trial.")
    doc_type: Word = Field("", description="Filter by document type.")


class StagingErrorDetail(StagingErrorItem):
    """A validation error with the card."""

    card: Any = Field(description="The card when the error was recorded.")


class StagingErrors(Page):
    """A page of validation errors."""

    items: list[StagingErrorItem]


class StagingErrorsParams(ListParams):
    """Filters of validation errors."""

    nct_id: Word = Field("", description="Filter by trial.")
    study_id: int | None = Field(None, ge=1, le=LARGEST, description="Filter by study.")
    error_type: Word = Field("", description="Filter by type.")


@declare_get(router, "/studies", VIEW, Studies, "Studies")
def studies(request: HttpRequest, params: Query[StudiesParams]) -> object:
    """Return published results without their cards, newest first."""
    rows = Study.objects.defer("extracted_jsonb", "notes_md").select_related("trial")
    if params.nct_id:
        rows = rows.filter(trial__nct_id=params.nct_id)
    if params.doc_type:
        rows = rows.filter(doc_type=params.doc_type)
    page = keyset.page(request, rows, NEWEST_FIRST, params.limit, params.cursor)
    return {"items": [_serialize_study(study) for study in page.rows], "next": page.next}


@declare_get(router, "/studies/{study_id}", VIEW, StudyDetail, "Study with its card")
def study(request: HttpRequest, study_id: Key) -> object:
    """Return one study with its card and validation errors."""
    found = Study.objects.select_related("trial").filter(pk=study_id).first()
    if found is None:
        raise Http404(f"There is no study {study_id}.")
    errors = None
    if current_user(request).has_perm(VIEW_ERRORS):
        rows = StagingError.objects.filter(study=found).defer("extracted_jsonb").select_related("trial")
        errors = [_serialize_validation_error(error) for error in rows.order_by("-pk")[:MAX_ERRORS]]
    return {**_serialize_study(found), "card": found.extracted_jsonb, "errors": errors}


@declare_get(router, "/staging-errors", VIEW_ERRORS, StagingErrors, "Validation errors")
def staging_errors(request: HttpRequest, params: Query[StagingErrorsParams]) -> object:
    """Return validation errors without cards, newest first."""
    rows = StagingError.objects.defer("extracted_jsonb").select_related("trial")
    if params.nct_id:
        rows = rows.filter(trial__nct_id=params.nct_id)
    if params.error_type:
        rows = rows.filter(error_type=params.error_type)
    if params.study_id:
        rows = rows.filter(study_id=params.study_id)
    page = keyset.page(request, rows, NEWEST_FIRST, params.limit, params.cursor)
    return {"items": [_serialize_validation_error(error) for error in page.rows], "next": page.next}


@declare_get(router, "/staging-errors/{error_id}", VIEW_ERRORS, StagingErrorDetail, "Validation error")
def staging_error(request: HttpRequest, error_id: Key) -> object:
    """Return one validation error with the card."""
    found = StagingError.objects.select_related("trial").filter(pk=error_id).first()
    if found is None:
        raise Http404(f"There is no validation error {error_id}.")
    return {**_serialize_validation_error(found), "card": found.extracted_jsonb}


def _serialize_study(study: Study) -> dict[str, Any]:
    names = "study_id doc_type citation year url oa_status coverage_level p_value object_id created_at updated_at"
    return {**pick(study, names), "nct_id": study.trial.nct_id}


def _serialize_validation_error(error: StagingError) -> dict[str, Any]:
    return {
        **pick(error, "study_id error_type error_message created_at"),
        "error_id": error.pk,
        "nct_id": error.trial.nct_id if error.trial else None,
    }
