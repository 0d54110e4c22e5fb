"""The admin of links that were promoted."""

from django.contrib import admin

from linkaudit.admin.assets import asset_name, assets_named
from linkaudit.models import StudyAssetLink, TrialAssetLink
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, related_column, value_column
from ncfd_site.adminkit.filters import indexed_values_filter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin

COLUMNS: tuple[Column, ...] = (
    value_column("how"),
    value_column("confidence", order=True),
    value_column("status"),
    value_column("promoted_by", "promoted by"),
    age_column("promoted_at", "promoted"),
)


class PromotedLinkAdmin(ReadOnlyAdmin):
    """What both kinds of promoted links share."""

    list_filter = (indexed_values_filter("status", "status"),)
    filled_by = "A link comes here when it is promoted; none was so far."


@admin.register(TrialAssetLink)
class TrialAssetLinkAdmin(PromotedLinkAdmin):
    """Which asset is studied in which trial."""

    list_display = (
        value_column("xref_id", "link"),
        related_column("trial", "nct_id", "trial"),
        asset_name("asset"),
        *COLUMNS,
    )
    search_by = (
        search.by_key("xref_id", "number"),
        search.by_nct_id("trial__nct_id"),
        search.SearchField("asset_id__in", "beginning of the asset's name", convert=assets_named),
    )


@admin.register(StudyAssetLink)
class StudyAssetLinkAdmin(PromotedLinkAdmin):
    """Which asset a published study speaks of."""

    list_display = (value_column("xref_id", "link"), value_column("study_id", "study"), asset_name("asset"), *COLUMNS)
    search_by = (
        search.by_key("xref_id", "number"),
        search.by_text("study_id", "study"),
        search.SearchField("asset_id__in", "beginning of the asset's name", convert=assets_named),
    )
