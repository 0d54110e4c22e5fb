"""Admin of exchanges and securities."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, boolean_column, choice_column, related_column, value_column
from ncfd_site.adminkit.filters import boolean_filter
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from securities.admin.companies import company_name
from securities.models import ActiveUSSecurity, Exchange, Security
from securities.queries import lookups

LISTING = (
    value_column("ticker"),
    company_name("company"),
    choice_column("type"),
    choice_column("status"),
    Column(
        "effective_range",
        "dates",
        lambda row: f"{row.effective_range.lower or 'unknown'} to {row.effective_range.upper or 'now'}",
        reads=("effective_range",),
    ),
)
SEARCH = (
    search.by_key("security_id", "ID"),
    search.by_prefix("ticker_norm", "ticker", str.upper),
    search.SearchField("company_id__in", "start of the company's name", convert=lookups.find_company_ids_by_name),
)


@admin.register(Exchange)
class ExchangeAdmin(ReadOnlyAdmin):
    """Exchanges and the allow-list."""

    list_display = (
        value_column("code"),
        value_column("mic", "MIC"),
        value_column("name"),
        value_column("country"),
        boolean_column("is_allowed", "allowed", yes="allowed", no="not allowed"),
        age_column("created_at", "known since"),
    )
    list_filter = (boolean_filter("is_allowed", "allowed", "allowed", "not allowed"),)
    search_by = (search.by_text("code", "code"), search.by_text("mic", "MIC", str.upper))
    ordering = ("code",)
    filled_by = "A new database has five; `manage.py load_sec_tickers FILE` adds others."


@admin.register(Security)
class SecurityAdmin(ReadOnlyAdmin):
    """Tickers of companies over time."""

    list_display = (*LISTING, related_column("exchange", "code", "exchange"))
    list_filter = ("status", "type")
    search_by = SEARCH
    filled_by = "`manage.py load_sec_tickers FILE` adds the securities of the SEC's list."

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the linked companies."""
        links = [
            (render_object_link(link.company), render_object_link(link, "link"), formatting.render_age(link.linked_at))
            for link in lookups.list_security_links(row)
        ]
        return [Table("Linked companies", ("Company", "Link", "Since"), links, "No linked companies.")]


@admin.register(ActiveUSSecurity)
class ActiveUSSecurityAdmin(ReadOnlyAdmin):
    """Active securities on allowed exchanges at the last refresh."""

    list_display = (*LISTING, value_column("exchange_code", "exchange"))
    list_filter = ("type",)
    search_by = SEARCH
    filled_by = "`manage.py load_sec_tickers FILE` refreshes this view."
