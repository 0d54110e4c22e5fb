"""The admin of assets, their names, and pairs that may be one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from linkaudit.loading.asset_names import comparable
from linkaudit.models import Asset, AssetAlias, LinkAudit, MergeCandidate
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, choice_column, related_column, value_column
from ncfd_site.adminkit.filters import indexed_values_filter
from ncfd_site.adminkit.links import render_list_link, render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting

# A name that begins the names of more assets than this is too short to search by.
MOST_ASSETS = 200


def assets_named(beginning: str) -> list[int]:
    """Return the keys of assets with a name that begins so, in any letter case."""
    aliases = AssetAlias.objects.filter(alias_norm__startswith=comparable(beginning)).order_by("alias_norm")
    return list(dict.fromkeys(aliases.values_list("asset_id", flat=True)[:MOST_ASSETS]))


def asset_name(relation: str, heading: str = "asset") -> Column:
    """A column that links to an asset by its name."""
    return related_column(relation, "name", heading, also=("names_jsonb",))


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    """Drugs and biologics, by whatever name they go."""

    list_display = (
        Column("name", "name", lambda row: row.name, reads=("names_jsonb",)),
        value_column("asset_id", "number"),
        value_column("modality"),
        value_column("target"),
        age_column("created_at", "known since"),
    )
    search_by = (
        search.by_key("asset_id", "number"),
        search.SearchField("asset_id__in", "beginning of a name", convert=assets_named),
    )
    filled_by = "`manage.py load_ctgov FILE` makes one for each drug or biologic that a trial gives."

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Its names, and what is claimed and known of it."""
        names = [
            (render_object_link(alias), alias.get_alias_type_display(), alias.source)
            for alias in row.aliases.order_by("alias_norm")
        ]
        links = [
            (
                render_object_link(link.trial),
                link.how,
                link.confidence,
                link.status,
                formatting.render_age(link.promoted_at),
            )
            for link in row.trial_links.select_related("trial").defer("evidence_jsonb").order_by("trial__nct_id")
        ]
        claims = render_list_link(LinkAudit, "Link audits of this asset", asset=row.pk)
        return [
            Table("Names", ("Name", "Kind", "Source"), names, "No name of this asset is recorded beside those above."),
            Table(
                "Trials",
                ("Trial", "How", "Confidence", "Status", "Promoted"),
                links,
                "No link of this asset to a trial was promoted.",
                note=claims,
            ),
        ]


@admin.register(AssetAlias)
class AssetAliasAdmin(ReadOnlyAdmin):
    """Names of assets."""

    list_display = (
        value_column("alias", "name"),
        choice_column("alias_type", "kind"),
        asset_name("asset"),
        value_column("source"),
    )
    list_filter = ("alias_type",)
    search_by = (search.by_prefix("alias_norm", "name", comparable),)
    filled_by = "`manage.py load_ctgov FILE` writes the names of the assets that it makes."


@admin.register(MergeCandidate)
class MergeCandidateAdmin(ReadOnlyAdmin):
    """Pairs of assets that may be one."""

    list_display = (
        value_column("merge_id", "pair"),
        asset_name("asset_1", "first asset"),
        asset_name("asset_2", "second asset"),
        value_column("merge_reason", "reason"),
        value_column("status"),
        value_column("reviewed_by", "decided by", empty="not decided"),
        age_column("created_at", "proposed"),
    )
    list_filter = (indexed_values_filter("status", "status"),)
    search_by = (
        search.by_key("merge_id", "number"),
        search.SearchField("asset_1_id__in", "beginning of an asset's name", convert=assets_named),
        search.SearchField("asset_2_id__in", "beginning of an asset's name", convert=assets_named),
    )
    filled_by = "The pipelines propose a pair where two assets look alike."
