"""Admin of assets, their names, their promoted links, and merge candidates."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from linkaudit.admin.blinded import BlindedAdmin
from linkaudit.asset_names import normalize_name
from linkaudit.blinding import TRIAL_LINK, exclude_blind
from linkaudit.models import Asset, AssetAlias, LinkAudit, MergeCandidate, StudyAssetLink, TrialAssetLink
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, choice_column, related_column, value_column
from ncfd_site.adminkit.filters import indexed_values_filter
from ncfd_site.adminkit.links import render_list_link, render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import render_age
from ncfd_site.core.permissions import current_user

# A prefix of the names of more assets than this is too short to search by.
MAX_ASSETS = 200


def find_assets_by_prefix(prefix: str) -> list[int]:
    """Return the IDs of assets with a name that starts with `prefix`, ignoring case."""
    aliases = AssetAlias.objects.filter(alias_norm__startswith=normalize_name(prefix)).order_by("alias_norm")
    return list(dict.fromkeys(aliases.values_list("asset_id", flat=True)[:MAX_ASSETS]))


def asset_column(relation: str, heading: str = "asset") -> Column:
    """Return a column that links to an asset by its name."""
    return related_column(relation, "name", heading, also=("names_jsonb",))


def search_by_asset(field: str = "asset_id") -> search.SearchField:
    """Return a search by the prefix of an asset's name."""
    return search.SearchField(f"{field}__in", "prefix of the asset's name", convert=find_assets_by_prefix)


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    """Drugs and biologics."""

    list_display = (
        Column("name", "name", lambda row: row.name, reads=("names_jsonb",)),
        value_column("asset_id", "number"),
        value_column("modality"),
        value_column("target"),
        age_column("created_at", "created"),
    )
    search_by = (
        search.by_key("asset_id", "number"),
        search.SearchField("asset_id__in", "prefix of a name", convert=find_assets_by_prefix),
    )
    filled_by = "`manage.py load_ctgov FILE` adds one for each drug or biologic of a trial."

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the asset's names, and its promoted links."""
        names = [
            (render_object_link(alias), alias.get_alias_type_display(), alias.source)
            for alias in row.aliases.order_by("alias_norm")
        ]
        links = [
            (render_object_link(link.trial), link.how, link.confidence, link.status, render_age(link.promoted_at))
            for link in exclude_blind(row.trial_links.all(), current_user(request), **TRIAL_LINK)
            .select_related("trial")
            .defer("evidence_jsonb")
            .order_by("trial__nct_id")
        ]
        all_links = render_list_link(LinkAudit, "All links of this asset", asset=row.pk)
        return [
            Table("Names", ("Name", "Kind", "Source"), names, "No other names recorded."),
            Table(
                "Trials",
                ("Trial", "How", "Confidence", "Status", "Promoted"),
                links,
                "No promoted links to trials.",
                note=all_links,
            ),
        ]


@admin.register(AssetAlias)
class AssetAliasAdmin(ReadOnlyAdmin):
    """Names of assets."""

    list_display = (
        value_column("alias", "name"),
        choice_column("alias_type", "kind"),
        asset_column("asset"),
        value_column("source"),
    )
    list_filter = ("alias_type",)
    search_by = (search.by_prefix("alias_norm", "name", normalize_name),)
    filled_by = "`manage.py load_ctgov FILE` adds the names of the assets that it adds."


@admin.register(MergeCandidate)
class MergeCandidateAdmin(ReadOnlyAdmin):
    """Pairs of assets that may be the same."""

    list_display = (
        value_column("merge_id", "pair"),
        asset_column("asset_1", "first asset"),
        asset_column("asset_2", "second asset"),
        value_column("merge_reason", "reason"),
        value_column("status"),
        value_column("reviewed_by", "decided by", empty="not decided"),
        age_column("created_at", "proposed"),
    )
    list_filter = (indexed_values_filter("status", "status"),)
    search_by = (search.by_key("merge_id", "number"), search_by_asset("asset_1_id"), search_by_asset("asset_2_id"))
    filled_by = "The pipelines add pairs of similar assets."


class PromotedLinkAdmin(BlindedAdmin):
    """Common parts of both kinds of promoted links."""

    list_filter = (indexed_values_filter("status", "status"),)
    filled_by = "Promotions add links."
    promotion_columns = (
        value_column("how"),
        value_column("confidence", order=True),
        value_column("status"),
        value_column("promoted_by", "promoted by"),
        age_column("promoted_at", "promoted"),
    )


@admin.register(TrialAssetLink)
class TrialAssetLinkAdmin(PromotedLinkAdmin):
    """Promoted links of assets to trials."""

    blinded_by: ClassVar[dict[str, str]] = TRIAL_LINK
    list_display = (
        value_column("xref_id", "link"),
        related_column("trial", "nct_id", "trial"),
        asset_column("asset"),
        *PromotedLinkAdmin.promotion_columns,
    )
    search_by = (search.by_key("xref_id", "number"), search.by_nct_id("trial__nct_id"), search_by_asset())


@admin.register(StudyAssetLink)
class StudyAssetLinkAdmin(PromotedLinkAdmin):
    """Promoted links of assets to published studies."""

    blinded_by: ClassVar[dict[str, str]] = {"asset_id": "asset_id", "doc_id": "source_doc_id"}
    list_display = (
        value_column("xref_id", "link"),
        value_column("study_id", "study"),
        asset_column("asset"),
        *PromotedLinkAdmin.promotion_columns,
    )
    search_by = (search.by_key("xref_id", "number"), search.by_text("study_id", "study"), search_by_asset())
