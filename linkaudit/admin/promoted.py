"""The admin of links that were promoted."""

from django.contrib import admin

from linkaudit.admin.assets import asset_name, assets_named
from linkaudit.models import StudyAssetLink, TrialAssetLink
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    Column,
    related,
    value,
    when,
)
from ncfd_site.adminkit.filters import known_values
from ncfd_site.adminkit.tables import ReadOnlyAdmin

COLUMNS: tuple[Column, ...] = (
    value("how"),
    value("confidence", order=True),
    value("status"),
    value("promoted_by", "promoted by"),
    when("promoted_at", "promoted"),
)


class PromotedLinkAdmin(ReadOnlyAdmin):
    """What both kinds of promoted links share."""

    list_filter = (known_values("status", "status"),)
    filled_by = "A link comes here when it is promoted; none was so far."


@admin.register(TrialAssetLink)
class TrialAssetLinkAdmin(PromotedLinkAdmin):
    """Which asset is studied in which trial."""

    list_display = (value("xref_id", "link"), related("trial", "nct_id", "trial"), asset_name("asset"), *COLUMNS)
    search_by = (
        search.key("xref_id", "number"),
        search.trial_number("trial__nct_id"),
        search.SearchBy("asset_id__in", "beginning of the asset's name", form=assets_named),
    )


@admin.register(StudyAssetLink)
class StudyAssetLinkAdmin(PromotedLinkAdmin):
    """Which asset a published study speaks of."""

    list_display = (value("xref_id", "link"), value("study_id", "study"), asset_name("asset"), *COLUMNS)
    search_by = (
        search.key("xref_id", "number"),
        search.exact("study_id", "study"),
        search.SearchBy("asset_id__in", "beginning of the asset's name", form=assets_named),
    )
