"""Admin of exchanges and securities."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    Column,
    choice,
    related,
    value,
    when,
    words,
)
from ncfd_site.adminkit.filters import yes_no
from ncfd_site.adminkit.links import object_link
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from securities.admin.companies import company_name
from securities.models import ActiveUSSecurity, Exchange, Security
from securities.queries import lookups

LISTING = (
    value("ticker"),
    company_name("company"),
    choice("type"),
    choice("status"),
    Column(
        "effective_range",
        "dates",
        lambda row: f"{row.effective_range.lower or 'unknown'} to {row.effective_range.upper or 'now'}",
        reads=("effective_range",),
    ),
)
SEARCH = (
    search.key("security_id", "ID"),
    search.prefix("ticker_norm", "ticker", str.upper),
    search.SearchBy("company_id__in", "start of the company's name", form=lookups.find_company_ids_by_name),
)


@admin.register(Exchange)
class ExchangeAdmin(ReadOnlyAdmin):
    """Exchanges and the allow-list."""

    list_display = (
        value("code"),
        value("mic", "MIC"),
        value("name"),
        value("country"),
        words("is_allowed", "allowed", yes="allowed", no="not allowed"),
        when("created_at", "known since"),
    )
    list_filter = (yes_no("is_allowed", "allowed", "allowed", "not allowed"),)
    search_by = (search.exact("code", "code"), search.exact("mic", "MIC", str.upper))
    ordering = ("code",)
    filled_by = "A new database has five; `manage.py load_sec_tickers FILE` adds others."


@admin.register(Security)
class SecurityAdmin(ReadOnlyAdmin):
    """Tickers of companies over time."""

    list_display = (*LISTING, related("exchange", "code", "exchange"))
    list_filter = ("status", "type")
    search_by = SEARCH
    filled_by = "`manage.py load_sec_tickers FILE` adds the securities of the SEC's list."

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the linked companies."""
        links = [
            (object_link(link.company), object_link(link, "link"), formatting.render_age(link.linked_at))
            for link in lookups.list_security_links(row)
        ]
        return [Table("Linked companies", ("Company", "Link", "Since"), links, "No linked companies.")]


@admin.register(ActiveUSSecurity)
class ActiveUSSecurityAdmin(ReadOnlyAdmin):
    """Active securities on allowed exchanges at the last refresh."""

    list_display = (*LISTING, value("exchange_code", "exchange"))
    list_filter = ("type",)
    search_by = SEARCH
    filled_by = "`manage.py load_sec_tickers FILE` refreshes this view."
