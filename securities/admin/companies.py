"""Admin of companies, their names, exchanges and securities."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, boolean_column, choice_column, related_column, value_column
from ncfd_site.adminkit.filters import boolean_filter
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from securities.loading.names import normalize_company_name
from securities.models import (
    ActiveUSSecurity,
    Company,
    CompanyAlias,
    CompanyCanonical,
    CompanySecurity,
    Exchange,
    Security,
)
from securities.queries import lookups

FILLED_BY = "`manage.py load_sec_tickers FILE` adds the companies of the SEC's list."


def company_column(relation: str, heading: str = "company") -> Column:
    """Return a column that links to a company."""
    return related_column(relation, "name", heading)


def search_by_company(field: str = "company_id") -> search.SearchField:
    """Return a search by the start of a company's name."""
    return search.SearchField(f"{field}__in", "start of a company's name", convert=lookups.find_company_ids_by_name)


LISTING = (
    value_column("ticker"),
    company_column("company"),
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
    search_by_company(),
)


@admin.register(Company)
class CompanyAdmin(ReadOnlyAdmin):
    """Companies that file with the SEC."""

    list_display = (
        value_column("name"),
        Column(
            "tickers",
            "tickers",
            lambda row: (
                format_html_join(
                    ", ", "{}", ((render_object_link(security, security.ticker),) for security in row.tickers_shown)
                )
                or None
            ),
            empty="none active",
        ),
        value_column("cik", "CIK", order=True),
        value_column("website_domain", "website"),
        age_column("updated_at", "changed"),
    )
    search_by = (
        search.by_key("cik", "CIK"),
        search.by_key("company_id", "ID"),
        search.SearchField(
            "company_id__in", "ticker", search.compile_pattern(r"[a-z0-9.\-]{1,10}"), lookups.find_company_ids_by_ticker
        ),
        search.by_prefix("name_norm", "name", normalize_company_name),
    )
    filled_by = FILLED_BY

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch the active tickers of all rows in one query."""
        found = lookups.list_active_securities([row.pk for row in rows])
        for row in rows:
            row.tickers_shown = found.get(row.pk, [])

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return securities, names, domains, parents and subsidiaries of the company."""
        securities = [
            (
                render_object_link(one, one.ticker),
                one.exchange.code,
                one.get_type_display(),
                one.get_status_display(),
                _format_days(one.effective_range),
            )
            for one in row.securities.select_related("exchange").defer("metadata").order_by("ticker_norm", "pk")
        ]
        linked = list(row.security_links.order_by("security_id"))
        known = lookups.find_securities(link.security_id for link in linked)
        names = [
            (render_object_link(alias), alias.get_alias_type_display(), alias.start_date, alias.end_date or "current")
            for alias in row.aliases.defer("metadata").order_by("alias_norm")
        ]
        domains = [
            (one.domain_root, "an alias" if one.src == "alias" else "the company")
            for one in lookups.list_domains(row.pk)
        ]
        return [
            Table(
                "Securities",
                ("Ticker", "Exchange", "Type", "Status", "Dates"),
                securities,
                "No securities.",
                note=format_html(
                    '<a href="{}?sponsor_company={}">Sponsored trials</a>',
                    reverse("admin:signals_trial_changelist"),
                    row.pk,
                ),
            ),
            Table(
                "Linked securities",
                ("Security", "Ticker", "Linked"),
                [
                    (
                        render_object_link(link, link.security_id),
                        getattr(known.get(link.security_id), "ticker", None),
                        formatting.render_age(link.linked_at),
                    )
                    for link in linked
                ],
                "No linked securities.",
                note=self._render_add_link(request, row),
            ),
            Table("Other names", ("Name", "Kind", "From", "Until"), names, "No other names."),
            Table("Domains", ("Domain", "Source"), domains, "No domains."),
            _list_relatives("Parents", row.parent_relationships.select_related("parent_company"), "parent_company"),
            _list_relatives("Subsidiaries", row.child_relationships.select_related("child_company"), "child_company"),
        ]

    def _render_add_link(self, request: HttpRequest, row: Any) -> Any:
        if not request.user.has_perm("securities.add_companysecurity"):
            return ""
        add = reverse("admin:securities_companysecurity_add")
        return format_html('<a href="{}?company={}">Link a security to this company</a>', add, row.pk)


@admin.register(CompanyAlias)
class CompanyAliasAdmin(ReadOnlyAdmin):
    """Other names of companies, and their domains."""

    list_display = (
        value_column("alias", "name"),
        choice_column("alias_type", "kind"),
        company_column("company"),
        value_column("start_date", "from"),
        value_column("end_date", "until", empty="current"),
        value_column("source"),
    )
    list_filter = ("alias_type",)
    search_by = (
        search.by_prefix("alias_norm", "name", normalize_company_name),
        search.by_prefix("alias_norm", "name", str.lower),
    )
    filled_by = "`manage.py load_sec_tickers FILE` adds a former name when a company is renamed."


@admin.register(CompanyCanonical)
class CompanyCanonicalAdmin(ReadOnlyAdmin):
    """Ultimate parent of each company."""

    list_display = (company_column("company"), company_column("canonical", "ultimate parent"))
    ordering = ("company_id",)
    search_by = (
        search.by_key("company_id", "company ID"),
        search_by_company(),
    )
    filled_by = FILLED_BY


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
            for link in CompanySecurity.objects.filter(security_id=str(row.pk)).select_related("company")
        ]
        return [Table("Linked companies", ("Company", "Link", "Since"), links, "No linked companies.")]


@admin.register(ActiveUSSecurity)
class ActiveUSSecurityAdmin(ReadOnlyAdmin):
    """Active securities on allowed exchanges at the last refresh."""

    list_display = (*LISTING, value_column("exchange_code", "exchange"))
    list_filter = ("type",)
    search_by = SEARCH
    filled_by = "`manage.py load_sec_tickers FILE` refreshes this view."


def _list_relatives(title: str, relationships: Any, side: str) -> Table:
    rows = [
        (
            render_object_link(getattr(one, side)),
            render_object_link(one, one.rel_type),
            one.start_date,
            one.end_date or "current",
        )
        for one in relationships
    ]
    return Table(title, ("Company", "Kind", "From", "Until"), rows, "None recorded.")


def _format_days(days: Any) -> str:
    # The upper bound is exclusive.
    return f"{days.lower or 'unknown'} to {f'before {days.upper}' if days.upper else 'now'}"
