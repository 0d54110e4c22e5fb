"""Registry records as they were captured, and what changed between them."""

from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import LARGEST_KEY, ListParams, Page, SmallKey, declare_get, register_router
from ncfd_site.api.problems import BadRequest
from signals.api.trials import find_trial
from signals.loading.changes import diff_records, strip_derived_fields
from signals.models import TrialVersion

router = register_router("registry", 40)
VIEW = "signals.view_trialversion"


class VersionItem(Schema):
    """The record of a trial as it was captured once."""

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
    """Some versions."""

    items: list[VersionItem]


class Version(VersionItem):
    """A version with the record itself."""

    record: Any = Field(description="The record as the registry gave it.")


class FieldChange(Schema):
    """One field that differs."""

    field: str
    before: Any = Field(None, description="Its value before; null also where it was not there, which was_there tells.")
    after: Any = Field(None, description="Its value after.")
    was_there: bool
    is_there: bool


class Difference(Schema):
    """What differs between two versions, field by field."""

    nct_id: str
    from_version: int
    to_version: int
    items: list[FieldChange]


class DifferenceAsked(Schema):
    """Which two versions; the two newest where neither is given."""

    from_: int | None = Field(None, alias="from", ge=1, le=LARGEST_KEY, description="Number of the earlier version.")
    to: int | None = Field(None, ge=1, le=LARGEST_KEY, description="Number of the later version.")


@declare_get(router, "/trials/{nct_id}/versions", VIEW, Versions, "Versions of a registry record, the newest first")
def versions(request: HttpRequest, nct_id: str, asked: Query[ListParams]) -> object:
    """Versions, without the records themselves."""
    found = TrialVersion.objects.filter(trial_id=find_trial(nct_id).trial_id).defer("raw_jsonb", "changes_jsonb")
    keys = [keyset.Key("captured_at", descending=True), keyset.Key("pk", descending=True)]
    page = keyset.page(request, found, keys, asked.limit, asked.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/trials/{nct_id}/versions/{version_id}", VIEW, Version, "One version with its record")
def version(request: HttpRequest, nct_id: str, version_id: SmallKey) -> object:
    """One version."""
    found = _find(nct_id, version_id)
    names = list(VersionItem.model_fields)
    return {**{name: getattr(found, name) for name in names}, "record": found.raw_jsonb}


@declare_get(router, "/trials/{nct_id}/difference", VIEW, Difference, "What changed between two versions")
def difference(request: HttpRequest, nct_id: str, asked: Query[DifferenceAsked]) -> object:
    """Fields that differ, without what the registry derives by itself."""
    if (asked.from_ is None) != (asked.to is None):
        raise BadRequest("Give both from and to, or neither.", "to" if asked.to is None else "from")
    if asked.from_ is not None and asked.to is not None:
        before, after = _find(nct_id, asked.from_), _find(nct_id, asked.to)
    else:
        newest = TrialVersion.objects.filter(trial__nct_id=nct_id).order_by("-captured_at", "-pk")
        latest = list(newest[:2])
        if len(latest) < 2:
            raise Http404(f"There are no two versions of {nct_id} to compare.")
        after, before = latest
    found = [
        change.as_json()
        for change in diff_records(strip_derived_fields(before.raw_jsonb), strip_derived_fields(after.raw_jsonb))
    ]
    items = [{**change, "was_there": "before" in change, "is_there": "after" in change} for change in found]
    return {"nct_id": nct_id, "from_version": before.pk, "to_version": after.pk, "items": items}


def _find(nct_id: str, version_id: int) -> TrialVersion:
    found = TrialVersion.objects.filter(trial__nct_id=nct_id, pk=version_id).first()
    if found is None:
        raise Http404(f"{nct_id} has no version {version_id}.")
    return found
