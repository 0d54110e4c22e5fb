"""Pages of links: the list, one link with its label, and the undo of a label."""

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from linkaudit import queries
from linkaudit.blinding import BLIND, is_blind
from linkaudit.claims import describe_link
from linkaudit.document_view import build_document_context, read_titles
from linkaudit.forms import LabelForm, LinkFilterForm
from linkaudit.models import LinkAudit, LinkReview
from linkaudit.selection import (
    LABEL_NAMES,
    LinkFilter,
    find_neighbor,
    find_next_open_link,
    read_link_page,
)
from linkaudit.services import ADJUDICATE, LABEL, StaleLinkError, find_label_block, label_link, undo_label
from linkaudit.session import LAST_LABEL, find_last_label, remember_label
from ncfd_site.core.permissions import current_user, require_permission

VIEW = "linkaudit.view_linkaudit"
MISSING = "There is no link {}. It may have been deleted."
TITLES = {
    "open": "Open links",
    "right": "Links labeled right",
    "wrong": "Links labeled wrong",
    "labeled": "Labeled links",
    "any": "All links",
}


@require_safe
@require_permission(VIEW)
def links(request: HttpRequest) -> HttpResponse:
    """List the selected links."""
    form = LinkFilterForm(request.GET, heuristics=queries.list_heuristics())
    selection = form.get_selection() if form.is_valid() else None
    page = read_link_page(selection, form.get_page_number(), current_user(request)) if selection else None
    title = TITLES[selection.label] if selection else "Links"
    titles = read_titles({audit.doc_id for audit in page.rows}) if page else {}
    context = {
        "title": f"{title} of {selection.heuristic}" if selection and selection.heuristic else title,
        "form": form,
        "selection": selection,
        "page": page,
        "rows": [(audit, titles.get(audit.doc_id, "")) for audit in page.rows] if page else [],
        "columns": form.get_columns(),
        "query": _format_filter_query(selection) if selection else "",
        "last_label": find_last_label(request.session),
    }
    return render(request, "linkaudit/links.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(VIEW)
def link(request: HttpRequest, audit_id: int) -> HttpResponse:
    """Show one link with its document; a POST labels it and redirects to the next open link."""
    audit = _get_or_404(audit_id)
    if is_blind(audit_id, current_user(request)):
        return _render_blind_page(request, audit)
    selection = _read_filter_or_default(request)
    if request.method != "POST":
        return _render_link_page(request, audit, selection)
    form = LabelForm(request.POST)
    if not form.is_valid():
        return _render_link_page(request, audit, selection, form=form, status=400)
    values = form.cleaned_data
    try:
        labeled = label_link(
            audit_id, values["decision"], actor=current_user(request), note=values["note"], seen_at=values["seen_at"]
        )
    except StaleLinkError as error:
        return _render_link_page(request, _get_or_404(audit_id), selection, form=form, conflict=str(error), status=409)
    if labeled.updated_at != audit.updated_at:
        remember_label(request.session, labeled, describe_link(audit), audit.review_notes)
    following = find_next_open_link(selection, labeled, current_user(request))
    if following is None:
        messages.success(request, "Every link of this selection is labeled.")
        return redirect(_build_url_with_filter("linkaudit:links", selection))
    return redirect(_build_url_with_filter("linkaudit:link", selection, following))


@require_POST
@require_permission(VIEW)
def undo(request: HttpRequest, audit_id: int) -> HttpResponse:
    """Undo the last label that the user gave in this session, and show its link."""
    last = find_last_label(request.session)
    request.session.pop(LAST_LABEL, None)
    if last is None or last.audit_id != audit_id:
        messages.warning(request, f"Nothing to undo on link {audit_id}.")
    else:
        try:
            audit = undo_label(audit_id, last.previous_note, actor=current_user(request), seen_at=last.labeled_at)
        except LinkAudit.DoesNotExist:
            raise Http404(MISSING.format(audit_id)) from None
        except StaleLinkError:
            messages.warning(request, f"Not undone: link {audit_id} was changed after you labeled it.")
        else:
            messages.success(request, f"Undone: link {audit_id} is {LABEL_NAMES[audit.label]} again.")
    return redirect(_build_url_with_filter("linkaudit:link", _read_filter_or_default(request), audit_id))


def _render_link_page(
    request: HttpRequest,
    audit: LinkAudit,
    selection: LinkFilter,
    *,
    form: LabelForm | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    user = current_user(request)
    # Until a reviewer has decided, the decisions of others could bias the reviewer.
    can_see_decisions = (
        not user.has_perm(LABEL)
        or user.has_perm(ADJUDICATE)
        or queries.list_active_decisions(user).filter(audit_id=audit.pk).exists()
    )
    # By name, because this app may not import signals.
    trials = apps.get_model("signals", "Trial").objects.filter(nct_id=audit.nct_id)
    context = {
        **build_document_context(audit, request.GET),
        "title": f"Link {audit.pk}: {describe_link(audit)}",
        "trial": trials.first() if audit.nct_id else None,
        "label_block": find_label_block(audit, user),
        "decisions": LinkReview.objects.filter(audit_id=audit.pk).order_by("pk") if can_see_decisions else None,
        "form": form or LabelForm(initial={"note": audit.review_notes}),
        "seen_at": audit.updated_at.isoformat(),
        "conflict": conflict,
        "query": _format_filter_query(selection),
        "previous": find_neighbor(selection, audit, user, is_backward=True),
        "next": find_neighbor(selection, audit, user),
        "last_label": find_last_label(request.session),
    }
    return render(request, "linkaudit/link.html", context, status=status)


def _render_blind_page(request: HttpRequest, audit: LinkAudit) -> HttpResponse:
    """Show the claim and the document only. A POST labels nothing."""
    context = {
        **build_document_context(audit, request.GET),
        "title": f"Link {audit.pk}: {describe_link(audit)}",
        "blind": BLIND.format(audit.pk),
    }
    return render(request, "linkaudit/blind_link.html", context, status=403 if request.method == "POST" else 200)


def _get_or_404(audit_id: int) -> LinkAudit:
    found = queries.find_link(audit_id)
    if found is None:
        raise Http404(MISSING.format(audit_id))
    return found


def _read_filter_or_default(request: HttpRequest) -> LinkFilter:
    form = LinkFilterForm(request.GET)
    # A link has a page for any query string; an invalid filter is ignored.
    return form.get_selection() if form.is_valid() else LinkFilter()


def _format_filter_query(selection: LinkFilter) -> str:
    """Return the query string of a filter with its "?"; empty without a filter."""
    return f"?{selection.query_string}" if selection.query_string else ""


def _build_url_with_filter(name: str, selection: LinkFilter, *args: Any) -> str:
    return f"{reverse(name, args=args)}{_format_filter_query(selection)}"
