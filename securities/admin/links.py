"""Admin of company securities and company relationships."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget, AutocompleteSelect, ForeignKeyRawIdWidget
from django.db import models
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, value_column
from ncfd_site.adminkit.composite_keys import CompositeAdmin, LinkAdmin, LinkForm, register_composite
from ncfd_site.adminkit.filters import fixed_choices_filter
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.core.permissions import current_user
from securities import services
from securities.admin.companies import company_column, search_by_company
from securities.models import Company, CompanyRelationship, CompanySecurity, CompanyTicker, Security
from securities.queries import lookups


def add_company_autocomplete(field: Any, model: type[models.Model], name: str, admin_site: Any) -> None:
    """Give a form field the autocomplete widget of the foreign key `name`."""
    field.widget = AutocompleteSelect(model._meta.get_field(name), admin_site)
    # The widget gets the name of the chosen company from the field.
    field.widget.choices = field.choices


class SecurityLinkForm(LinkForm):
    """A company, and a security by ID or ticker."""

    company = forms.ModelChoiceField(Company.objects.all(), help_text="Start of the name, CIK, or ticker.")
    security = forms.CharField(max_length=50, help_text="ID or ticker (the active security with it).")

    def use_site(self, admin_site: Any) -> None:
        add_company_autocomplete(self.fields["company"], CompanySecurity, "company", admin_site)
        # `security_id` is text; the lookup widget needs a foreign key.
        key: models.ForeignKey[Any, Any] = models.ForeignKey(Security, models.DO_NOTHING)
        key.remote_field.set_field_name()
        self.fields["security"].widget = ForeignKeyRawIdWidget(key.remote_field, admin_site)

    def clean_security(self) -> Security:
        """Return the security with this ID or ticker."""
        text = self.cleaned_data["security"]
        found = lookups.find_security(text)
        if found is None:
            raise forms.ValidationError(f"No security has the ID or ticker “{text}”.")
        return found


class RelationshipForm(LinkForm):
    """Parent, child, type and dates of a relationship."""

    parent_company = forms.ModelChoiceField(Company.objects.all(), label="Parent")
    child_company = forms.ModelChoiceField(Company.objects.all(), label="Child")
    rel_type = forms.CharField(
        label="Type", initial="subsidiary", max_length=50, help_text="What the child is to the parent."
    )
    start_date = forms.DateField(label="From", required=False, widget=AdminDateWidget, help_text="Empty: unknown.")
    end_date = forms.DateField(label="Until", required=False, widget=AdminDateWidget, help_text="Empty: current.")

    def use_site(self, admin_site: Any) -> None:
        for name in ("parent_company", "child_company"):
            add_company_autocomplete(self.fields[name], CompanyRelationship, name, admin_site)


@register_composite(CompanySecurity)
class CompanySecurityAdmin(LinkAdmin):
    """Securities linked to companies."""

    list_display = (
        Column(
            "link", "link", lambda row: f"{row.company.name}: {row.ticker or row.security_id}", reads=("company__name",)
        ),
        company_column("company"),
        Column(
            "ticker",
            "ticker",
            lambda row: render_object_link(row.security, row.security.ticker) if row.security else None,
            empty="unknown security",
        ),
        value_column("security_id", "security ID"),
        age_column("linked_at", "since"),
    )
    search_by = (
        search.SearchField("security_id__in", "start of a ticker", convert=lookups.find_security_ids),
        search_by_company(),
        search.by_text("security_id", "security ID"),
    )
    filled_by = "`manage.py load_sec_tickers FILE` links the securities that it adds; “Add” links one manually."
    link_form = SecurityLinkForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["company", "known_security", "security_id", "linked_at"]

    @admin.display(description="ticker")
    def known_security(self, row: CompanySecurity) -> Any:
        """Return the security with this ID."""
        security = lookups.find_securities([row.security_id]).get(row.security_id)
        return render_object_link(security, security.ticker) if security else "unknown security"

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch the securities of all rows in one query."""
        known = lookups.find_securities(row.security_id for row in rows)
        for row in rows:
            row.security = known.get(row.security_id)
            row.ticker = row.security.ticker if row.security else None

    def link(self, request: HttpRequest, given: dict[str, Any]) -> tuple[CompanySecurity, bool]:
        company, security = given["company"], given["security"]
        new = services.link_security(company.pk, security.pk, actor=current_user(request))
        return CompanySecurity.objects.get(company_id=company.pk, security_id=str(security.pk)), new

    def unlink(self, request: HttpRequest, row: CompanySecurity) -> bool:
        return services.unlink_security(row.company_id, row.security_id, actor=current_user(request))

    def describe_link(self, row: CompanySecurity) -> str:
        security = lookups.find_securities([row.security_id]).get(row.security_id)
        return f"{row.company.name} and {security.ticker if security else 'security'} ({row.security_id})"

    def describe_consequence(self, row: CompanySecurity) -> str:
        return (
            f"Deletes the link of {self.describe_link(row)} and its row in company tickers. Company and security are"
            " kept and can be linked again, with a new date."
        )


@register_composite(CompanyRelationship)
class CompanyRelationshipAdmin(LinkAdmin):
    """Parents and subsidiaries."""

    list_display = (
        Column("relationship", "relationship", lambda row: row.rel_type, reads=("rel_type",)),
        company_column("parent_company", "parent"),
        company_column("child_company", "child"),
        value_column("start_date", "from"),
        value_column("end_date", "until", empty="current"),
        age_column("created_at", "recorded"),
    )
    list_filter = (
        fixed_choices_filter(
            "state",
            "state",
            ("open", "current", {"end_date__isnull": True}),
            ("former", "former", {"end_date__isnull": False}),
        ),
    )
    search_by = (search_by_company("parent_company_id"), search_by_company("child_company_id"))
    filled_by = "Pipelines fill this table; “Add” records a relationship manually."
    link_form = RelationshipForm

    def link(self, request: HttpRequest, given: dict[str, Any]) -> tuple[CompanyRelationship, bool]:
        parent, child = given["parent_company"], given["child_company"]
        new = services.add_relationship(
            parent.pk, child.pk, given["rel_type"], given["start_date"], given["end_date"], actor=current_user(request)
        )
        row = CompanyRelationship.objects.get(
            parent_company_id=parent.pk, child_company_id=child.pk, rel_type=given["rel_type"]
        )
        return row, new

    def unlink(self, request: HttpRequest, row: CompanyRelationship) -> bool:
        return services.remove_relationship(
            row.parent_company_id, row.child_company_id, row.rel_type, actor=current_user(request)
        )

    def describe_link(self, row: CompanyRelationship) -> str:
        return f"{row.child_company.name}, {row.rel_type} of {row.parent_company.name}"

    def describe_consequence(self, row: CompanyRelationship) -> str:
        return (
            f"Deletes the relationship “{self.describe_link(row)}” with its dates. Both companies are kept. Without"
            " another parent, the child becomes its own ultimate parent."
        )


@register_composite(CompanyTicker)
class CompanyTickerAdmin(CompositeAdmin):
    """Tickers of companies, from the view `v_company_tickers`."""

    list_display = (
        Column(
            "row", "ticker", lambda row: row.ticker or f"security {row.security_id}", reads=("ticker", "security_id")
        ),
        value_column("company_name", "company"),
        value_column("issuer_name", "issuer"),
        value_column("exchange"),
        value_column("active"),
    )
    ordering = ("company_id", "security_id")
    search_by = (
        search.by_text("ticker", "ticker", str.upper),
        search_by_company(),
    )
    filled_by = "The view has a row for each company security."
