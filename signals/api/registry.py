"""API of captured registry records and their differences."""

from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import LARGEST_KEY, ListParams, Page, SmallKey, declare_get, pick, register_router
from ncfd_site.api.problems import BadRequest
from signals.api.trials import find_trial
from signals.loading.changes import diff_records, strip_derived_fields
from signals.models import TrialVersion

router = register_router("registry", 40)
VIEW = "signals.view_trialversion"


class VersionItem(Schema):
    """A captured version of a registry record."""

    trial_version_id: int
    captured_at: datetime
    last_update_posted_date: date | None
    primary_endpoint_text: str | None
    sample_size: int | None
    analysis_plan_text: str | None
    sha256: str
    changed_primary_endpoint: bool | None
    changed_sample_size: bool | None
    sample_size_delta: int | None
    changed_analysis_plan: bool | None


class Versions(Page):
    """A page of versions."""

    items: list[VersionItem]


class Version(VersionItem):
    """A version with its record."""

    record: Any = Field(description="The record as the registry returned it.")


class FieldDifference(Schema):
    """A changed field."""

    field: str
    before: Any = Field(None, description="Earlier value; null also if the field was missing (was_there is false).")
    after: Any = Field(None, description="Later value; null also if the field is missing (is_there is false).")
    was_there: bool
    is_there: bool


class Difference(Schema):
    """The changed fields between two versions."""

    nct_id: str
    from_version: int
    to_version: int
    items: list[FieldDifference]


class DifferenceParams(Schema):
    """The two versions (default: the latest two)."""

    from_: int | None = Field(None, alias="from", ge=1, le=LARGEST_KEY, description="ID of the earlier version.")
    to: int | None = Field(None, ge=1, le=LARGEST_KEY, description="ID of the later version.")


@declare_get(router, "/trials/{nct_id}/versions", VIEW, Versions, "Versions of a registry record")
def versions(request: HttpRequest, nct_id: str, params: Query[ListParams]) -> object:
    """Return versions without their records, newest first."""
    rows = TrialVersion.objects.filter(trial_id=find_trial(nct_id).trial_id).defer("raw_jsonb", "changes_jsonb")
    keys = [keyset.Key("captured_at", descending=True), keyset.Key("pk", descending=True)]
    page = keyset.page(request, rows, keys, params.limit, params.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/trials/{nct_id}/versions/{version_id}", VIEW, Version, "Version with its record")
def version(request: HttpRequest, nct_id: str, version_id: SmallKey) -> object:
    """Return one version."""
    found = _find_version(nct_id, version_id)
    return {**pick(found, " ".join(VersionItem.model_fields)), "record": found.raw_jsonb}


@declare_get(router, "/trials/{nct_id}/difference", VIEW, Difference, "Differences between two versions")
def difference(request: HttpRequest, nct_id: str, params: Query[DifferenceParams]) -> object:
    """Return the changed fields without those that the registry derives."""
    if (params.from_ is None) != (params.to is None):
        raise BadRequest("Give both from and to, or neither.", "to" if params.to is None else "from")
    if params.from_ is not None and params.to is not None:
        before, after = _find_version(nct_id, params.from_), _find_version(nct_id, params.to)
    else:
        latest = list(TrialVersion.objects.filter(trial__nct_id=nct_id).order_by("-captured_at", "-pk")[:2])
        if len(latest) < 2:
            raise Http404(f"{nct_id} has fewer than two versions.")
        after, before = latest
    changes = diff_records(strip_derived_fields(before.raw_jsonb), strip_derived_fields(after.raw_jsonb))
    items = [
        {**change, "was_there": "before" in change, "is_there": "after" in change}
        for change in (one.as_json() for one in changes)
    ]
    return {"nct_id": nct_id, "from_version": before.pk, "to_version": after.pk, "items": items}


def _find_version(nct_id: str, version_id: int) -> TrialVersion:
    found = TrialVersion.objects.filter(trial__nct_id=nct_id, pk=version_id).first()
    if found is None:
        raise Http404(f"{nct_id} has no version {version_id}.")
    return found
