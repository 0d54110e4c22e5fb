"""Published results with their study cards, and what cards lack."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import LARGEST, Key, ListParams, Number, Page, Word, declare_get, register_router
from ncfd_site.core.permissions import current_user
from signals.models import StagingError, Study

router = register_router("studies", 70)
VIEW, VIEW_ERRORS = "signals.view_study", "signals.view_stagingerror"
NEWEST_FIRST = [keyset.Key("pk", descending=True)]


class StudyItem(Schema):
    """One published result."""

    study_id: int
    nct_id: str
    doc_type: str
    citation: str | None
    year: int
    url: str | None
    oa_status: str
    coverage_level: str | None
    p_value: Number = Field(description="Of the first primary result on the card, where it is a number.")
    object_id: int | None
    created_at: datetime
    updated_at: datetime


class StudyCard(StudyItem):
    """One published result with its card."""

    card: Any = Field(description="What was read out of the publication; null where nothing was.")
    errors: list["StagingErrorItem"] | None = Field(
        description="What the card lacks, the newest 50; null for who may not see failed validations."
    )


class Studies(Page):
    """Some studies."""

    items: list[StudyItem]


class StudiesAsked(ListParams):
    """Which studies."""

    nct_id: Word = Field("", description="Of this trial alone.")
    doc_type: Word = ""


class StagingErrorItem(Schema):
    """A complaint about data on its way in."""

    error_id: int
    nct_id: str | None
    study_id: int | None
    error_type: str
    error_message: str
    created_at: datetime


class StagingErrorCard(StagingErrorItem):
    """A complaint, beside the card that it is about."""

    card: Any = Field(description="The card as it was when the error was recorded.")


class StagingErrors(Page):
    """Some complaints."""

    items: list[StagingErrorItem]


class StagingErrorsAsked(ListParams):
    """Which complaints."""

    nct_id: Word = Field("", description="About this trial alone.")
    study_id: int | None = Field(None, ge=1, le=LARGEST, description="About this study alone.")
    error_type: Word = ""


@declare_get(router, "/studies", VIEW, Studies, "Published results, the newest first")
def studies(request: HttpRequest, asked: Query[StudiesAsked]) -> object:
    """Publications, without their cards."""
    found = Study.objects.defer("extracted_jsonb", "notes_md").select_related("trial")
    if asked.nct_id:
        found = found.filter(trial__nct_id=asked.nct_id)
    if asked.doc_type:
        found = found.filter(doc_type=asked.doc_type)
    page = keyset.page(request, found, NEWEST_FIRST, asked.limit, asked.cursor)
    return {"items": [_study(study) for study in page.rows], "next": page.next}


@declare_get(router, "/studies/{study_id}", VIEW, StudyCard, "One published result with its card")
def study(request: HttpRequest, study_id: Key) -> object:
    """The card, and what it lacks."""
    found = Study.objects.select_related("trial").filter(pk=study_id).first()
    if found is None:
        raise Http404(f"There is no study {study_id}.")
    may_see_errors = current_user(request).has_perm(VIEW_ERRORS)
    errors = StagingError.objects.filter(study=found).defer("extracted_jsonb").select_related("trial")
    return {
        **_study(found),
        "card": found.extracted_jsonb,
        "errors": [_error(error) for error in errors.order_by("-pk")[:50]] if may_see_errors else None,
    }


@declare_get(router, "/staging-errors", VIEW_ERRORS, StagingErrors, "What cards lack, the newest first")
def staging_errors(request: HttpRequest, asked: Query[StagingErrorsAsked]) -> object:
    """Complaints about cards and other data on its way in."""
    found = StagingError.objects.defer("extracted_jsonb").select_related("trial")
    if asked.nct_id:
        found = found.filter(trial__nct_id=asked.nct_id)
    if asked.error_type:
        found = found.filter(error_type=asked.error_type)
    if asked.study_id:
        found = found.filter(study_id=asked.study_id)
    page = keyset.page(request, found, NEWEST_FIRST, asked.limit, asked.cursor)
    return {"items": [_error(error) for error in page.rows], "next": page.next}


@declare_get(router, "/staging-errors/{error_id}", VIEW_ERRORS, StagingErrorCard, "One complaint")
def staging_error(request: HttpRequest, error_id: Key) -> object:
    """One complaint with the card that it is about."""
    found = StagingError.objects.select_related("trial").filter(pk=error_id).first()
    if found is None:
        raise Http404(f"There is no staging error {error_id}.")
    return {**_error(found), "card": found.extracted_jsonb}


def _study(study: Study) -> dict[str, Any]:
    plain = "study_id doc_type citation year url oa_status coverage_level p_value object_id created_at updated_at"
    return {**{name: getattr(study, name) for name in plain.split()}, "nct_id": study.trial.nct_id}


def _error(error: StagingError) -> dict[str, Any]:
    plain = "study_id error_type error_message created_at"
    return {
        **{name: getattr(error, name) for name in plain.split()},
        "error_id": error.pk,
        "nct_id": error.trial.nct_id if error.trial else None,
    }
