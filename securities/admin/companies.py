"""Admin of companies and their names."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, choice_column, related_column, value_column
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from securities.loading.names import normalize_company_name
from securities.models import Company, CompanyAlias, CompanyCanonical, Security
from securities.queries import lookups

FILLED_BY = "`manage.py load_sec_tickers FILE` adds the companies of the SEC's list."


def company_name(relation: str, heading: str = "company") -> Column:
    """Return a column that links to a company."""
    return related_column(relation, "name", heading)


def _tickers(row: Any) -> Any:
    return format_html_join(
        ", ", "{}", ((render_object_link(security, security.ticker),) for security in row.tickers_shown)
    )


@admin.register(Company)
class CompanyAdmin(ReadOnlyAdmin):
    """Companies that file with the SEC."""

    list_display = (
        value_column("name"),
        Column("tickers", "tickers", lambda row: _tickers(row) or None, empty="none active"),
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
                _days(one),
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
                note=self._link_note(request, row),
            ),
            Table("Other names", ("Name", "Kind", "From", "Until"), names, "No other names."),
            Table("Domains", ("Domain", "Source"), domains, "No domains."),
            _relatives("Parents", row.parent_relationships.select_related("parent_company"), "parent_company"),
            _relatives("Subsidiaries", row.child_relationships.select_related("child_company"), "child_company"),
        ]

    def _link_note(self, request: HttpRequest, row: Any) -> Any:
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
        company_name("company"),
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

    list_display = (company_name("company"), company_name("canonical", "ultimate parent"))
    ordering = ("company_id",)
    search_by = (
        search.by_key("company_id", "company ID"),
        search.SearchField("company_id__in", "start of the company's name", convert=lookups.find_company_ids_by_name),
    )
    filled_by = FILLED_BY


def _relatives(title: str, relationships: Any, side: str) -> Table:
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


def _days(security: Security) -> str:
    days = security.effective_range
    # The upper bound is exclusive.
    return f"{days.lower or 'unknown'} to {f'before {days.upper}' if days.upper else 'now'}"
