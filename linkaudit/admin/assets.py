"""The admin of assets, their names, and pairs that may be one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from linkaudit.loading.asset_names import comparable
from linkaudit.models import Asset, AssetAlias, LinkAudit, MergeCandidate
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    Column,
    choice,
    related,
    value,
    when,
)
from ncfd_site.adminkit.filters import known_values
from ncfd_site.adminkit.links import list_link, object_link
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting

# A name that begins the names of more assets than this is too short to search by.
MOST_ASSETS = 200


def assets_named(beginning: str) -> list[int]:
    """Return the keys of assets with a name that begins so, in any letter case."""
    aliases = AssetAlias.objects.filter(alias_norm__startswith=comparable(beginning)).order_by("alias_norm")
    return list(dict.fromkeys(aliases.values_list("asset_id", flat=True)[:MOST_ASSETS]))


def asset_name(relation: str, heading: str = "asset") -> Column:
    """A column that links to an asset by its name."""
    return related(relation, "name", heading, also=("names_jsonb",))


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    """Drugs and biologics, by whatever name they go."""

    list_display = (
        Column("name", "name", lambda row: row.name, reads=("names_jsonb",)),
        value("asset_id", "number"),
        value("modality"),
        value("target"),
        when("created_at", "known since"),
    )
    search_by = (
        search.key("asset_id", "number"),
        search.SearchBy("asset_id__in", "beginning of a name", form=assets_named),
    )
    filled_by = "`manage.py load_ctgov FILE` makes one for each drug or biologic that a trial gives."

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Its names, and what is claimed and known of it."""
        names = [
            (object_link(alias), alias.get_alias_type_display(), alias.source)
            for alias in row.aliases.order_by("alias_norm")
        ]
        links = [
            (object_link(link.trial), link.how, link.confidence, link.status, formatting.render_age(link.promoted_at))
            for link in row.trial_links.select_related("trial").defer("evidence_jsonb").order_by("trial__nct_id")
        ]
        claims = list_link(LinkAudit, "Link audits of this asset", asset=row.pk)
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
        value("alias", "name"),
        choice("alias_type", "kind"),
        asset_name("asset"),
        value("source"),
    )
    list_filter = ("alias_type",)
    search_by = (search.prefix("alias_norm", "name", comparable),)
    filled_by = "`manage.py load_ctgov FILE` writes the names of the assets that it makes."


@admin.register(MergeCandidate)
class MergeCandidateAdmin(ReadOnlyAdmin):
    """Pairs of assets that may be one."""

    list_display = (
        value("merge_id", "pair"),
        asset_name("asset_1", "first asset"),
        asset_name("asset_2", "second asset"),
        value("merge_reason", "reason"),
        value("status"),
        value("reviewed_by", "decided by", empty="not decided"),
        when("created_at", "proposed"),
    )
    list_filter = (known_values("status", "status"),)
    search_by = (
        search.key("merge_id", "number"),
        search.SearchBy("asset_1_id__in", "beginning of an asset's name", form=assets_named),
        search.SearchBy("asset_2_id__in", "beginning of an asset's name", form=assets_named),
    )
    filled_by = "The pipelines propose a pair where two assets look alike."
