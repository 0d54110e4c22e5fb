"""The admin of link audits: what heuristics claim, on what evidence, and what people said of it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.admin.assets import asset_name, assets_named
from linkaudit.admin.filters import ConfidenceFilter, HeuristicFilter, LabelFilter, ReviewerFilter
from linkaudit.admin.labelling import LabellingPages
from linkaudit.claims import claim_sentence
from linkaudit.highlighting import Terms, mark_terms
from linkaudit.models import LinkAudit
from linkaudit.naming import distinct_names
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, choice_column, related_column, value_column
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.core import formatting
from ncfd_site.core.json_html import render_json

LABEL = ("label", "label_source", "reviewed_by", "reviewed_at")


def _trial(nct_id: str) -> SafeString:
    # By the list, since a claim may name a trial that was never loaded.
    return format_html('<a href="{}?nct_id={}">{}</a>', reverse("admin:signals_trial_changelist"), nct_id, nct_id)


def _label(row: Any) -> SafeString | None:
    if row.label is None:
        return None
    given = (
        _labeller(row) or "by nobody known",
        formatting.render_age(row.reviewed_at) if row.reviewed_at else "at an unknown time",
    )
    return format_html("<b>{}</b>, {}, {}", "right" if row.label else "wrong", *given)


def _labeller(row: Any) -> str | None:
    # A person's name says more than that it was a review by a person; other sources name nobody.
    source = row.get_label_source_display()
    if row.reviewed_by and row.label_source in (None, "", LinkAudit.LabelSource.HUMAN_REVIEW):
        return str(row.reviewed_by)
    return f"{row.reviewed_by}, {source}" if row.reviewed_by else source or None


@admin.register(LinkAudit)
class LinkAuditAdmin(LabellingPages):
    """Claims of heuristics, to look at and to label."""

    list_display = (
        value_column("audit_id", "link", order=True),
        asset_name("asset"),
        value_column("nct_id", "trial", render=_trial, order=True),
        value_column("heuristic_applied", "heuristic", empty="none"),
        value_column("confidence", order=True),
        # One column: of an open link there would be four that say so. It sorts by when the label was given.
        Column("label", "label", _label, reads=LABEL, order="reviewed_at", empty="open"),
        choice_column("promotion_status", "status"),
        related_column("doc", "doc_id", "document", also=("doc_id",)),
    )
    list_filter = (HeuristicFilter, "promotion_status", LabelFilter, "label_source", ReviewerFilter, ConfidenceFilter)
    search_by = (
        search.by_key("audit_id", "number"),
        search.by_nct_id("nct_id"),
        search.SearchField("asset_id__in", "beginning of the asset's name", convert=assets_named),
    )
    filled_by = (
        "Heuristics propose links: `manage.py load_ctgov FILE` those of HP-2, `manage.py load_link_audits FILE` others."
    )
    fieldsets = (
        (
            "Claim",
            {"fields": ("claim", "asset_names", "trial", "document", "link_type", "heuristic_applied", "confidence")},
        ),
        ("Evidence", {"fields": ("evidence",)}),
        (
            "Decision",
            {"fields": ("decision", "review_notes", "promotion_status")},
        ),
        ("Row", {"fields": ("audit_id", "created_at", "updated_at")}),
    )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            aliases = row.asset.aliases.values_list("alias", flat=True)
            row.names = distinct_names([row.asset.names_jsonb, *aliases])
        return row

    @admin.display(description="claim")
    def claim(self, row: Any) -> SafeString:
        """What the heuristic says, as a sentence."""
        return claim_sentence(row)

    @admin.display(description="asset")
    def asset_names(self, row: Any) -> SafeString:
        """Every name of the asset."""
        others = [name for name in row.names if name != row.asset.name]
        also = formatting.render_quiet(f"also {', '.join(others)}") if others else ""
        return format_html("{} {}", render_object_link(row.asset), also)

    @admin.display(description="trial")
    def trial(self, row: Any) -> SafeString | str:
        """The trial, by its number."""
        return _trial(row.nct_id) if row.nct_id else formatting.render_quiet("no number given")

    @admin.display(description="document")
    def document(self, row: Any) -> SafeString:
        """The document, and where it was found."""
        found = (
            formatting.render_link(row.doc.source_url)
            if row.doc.source_url
            else formatting.render_quiet("without address")
        )
        return format_html("{}, {}", render_object_link(row.doc, f"document {row.doc_id}"), found)

    @admin.display(description="evidence")
    def evidence(self, row: Any) -> SafeString:
        """The evidence as fields, with the asset's names and the trial's number marked in it."""
        terms = Terms(row.names, row.nct_id or "")
        return render_json(row.evidence_jsonb, lambda text: mark_terms(text, terms).html)

    @admin.display(description="label")
    def decision(self, row: Any) -> SafeString:
        """The label in words, with who gave it and when."""
        if row.label is None:
            return formatting.render_quiet("open: not reviewed")
        word = "right" if row.label else "wrong"
        found = (
            formatting.render_moment(row.reviewed_at)
            if row.reviewed_at
            else formatting.render_quiet("at an unknown time")
        )
        return format_html("<strong>{}</strong>, by {}, {}", word, _labeller(row) or "nobody known", found)
