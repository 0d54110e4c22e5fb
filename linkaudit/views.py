"""The pages on which links are found and labelled."""

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from linkaudit import queries
from linkaudit import undo as undoing
from linkaudit.claims import claim_sentence, is_specified
from linkaudit.document_view import first_page, read_document, terms_of
from linkaudit.documents import document_titles
from linkaudit.forms import LabelForm, LinkFilterForm
from linkaudit.models import LinkAudit
from linkaudit.selection import LinkFilter, link_page, next_link, next_open_link, previous_link
from linkaudit.services import ADJUDICATE, LABEL, StaleLabel, label_link, label_obstacle, restore_label
from ncfd_site.core.formatting import is_web_address
from ncfd_site.core.permissions import current_user, require_permission

VIEW = "linkaudit.view_linkaudit"
TITLES = {
    "open": "Open links",
    "right": "Links labelled right",
    "wrong": "Links labelled wrong",
    "labelled": "Labelled links",
    "any": "All links",
}
WORDS = {True: "right", False: "wrong", None: "open"}


@require_safe
@require_permission(VIEW)
def links(request: HttpRequest) -> HttpResponse:
    """List the links of a selection."""
    form = LinkFilterForm(request.GET, heuristics=queries.heuristic_names())
    selection = form.get_selection() if form.is_valid() else None
    page = link_page(selection, form.get_page_number()) if selection else None
    titles = document_titles({audit.doc_id for audit in page.rows}) if page else {}
    return render(
        request,
        "linkaudit/links.html",
        {
            "title": _title(selection),
            "form": form,
            "selection": selection,
            "page": page,
            "rows": [(audit, titles.get(audit.doc_id, "")) for audit in page.rows] if page else [],
            "query": _query(selection) if selection else "",
            "last_label": undoing.last_label(request.session),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(VIEW)
def link(request: HttpRequest, audit_id: int) -> HttpResponse:
    """Show one link with the text that it rests on; a POST labels it and goes to the next open one."""
    audit = _find(audit_id)
    selection = _selection(request)
    if request.method != "POST":
        return _link_page(request, audit, selection)
    form = LabelForm(request.POST)
    if not form.is_valid():
        return _link_page(request, audit, selection, form=form, status=400)
    try:
        labelled = label_link(
            audit_id,
            form.cleaned_data["decision"],
            actor=current_user(request),
            note=form.cleaned_data["note"],
            seen_at=form.cleaned_data["seen_at"],
        )
    except StaleLabel as stale:
        return _link_page(request, _find(audit_id), selection, form=form, conflict=str(stale), status=409)
    if labelled.updated_at != audit.updated_at:
        undoing.remember(request.session, labelled, _about(audit), audit.review_notes)
    following = next_open_link(selection, labelled)
    if following is None:
        messages.success(request, "Every link of this selection is labelled.")
        return redirect(_address("linkaudit:links", selection))
    return redirect(_address("linkaudit:link", selection, following))


@require_POST
@require_permission(VIEW)
def undo(request: HttpRequest, audit_id: int) -> HttpResponse:
    """Take back the label that this person gave last, and show its link."""
    selection = _selection(request)
    last = undoing.last_label(request.session)
    undoing.forget(request.session)
    if last is None or last.audit_id != audit_id:
        messages.warning(request, f"There is nothing to take back on link {audit_id} any more. Nothing was changed.")
    else:
        try:
            audit = restore_label(audit_id, last.note_before, actor=current_user(request), seen_at=last.written_at)
        except LinkAudit.DoesNotExist:
            raise _no_link(audit_id) from None
        except StaleLabel:
            messages.warning(
                request, f"Link {audit_id} was changed since you labelled it, so your label was not taken back."
            )
        else:
            messages.success(request, f"Taken back: link {audit_id} is {WORDS[audit.label]} again.")
    return redirect(_address("linkaudit:link", selection, audit_id))


def _title(selection: LinkFilter | None) -> str:
    if selection is None:
        return "Links"
    return f"{TITLES[selection.label]} of {selection.heuristic}" if selection.heuristic else TITLES[selection.label]


def _find(audit_id: int) -> LinkAudit:
    try:
        return LinkAudit.objects.select_related("asset", "doc").get(pk=audit_id)
    except LinkAudit.DoesNotExist:
        raise _no_link(audit_id) from None


def _no_link(audit_id: int) -> Http404:
    return Http404(f"There is no link {audit_id}: it was deleted, or the address is mistyped.")


def _selection(request: HttpRequest) -> LinkFilter:
    form = LinkFilterForm(request.GET)
    # A link has its own page whatever the filter in the address says; a wrong one is as good as none.
    return form.get_selection() if form.is_valid() else LinkFilter()


def _address(name: str, selection: LinkFilter, *args: Any) -> str:
    return f"{reverse(name, args=args)}{_query(selection)}"


def _query(selection: LinkFilter) -> str:
    return f"?{selection.query_string}" if selection.query_string else ""


def _about(audit: LinkAudit) -> str:
    return f"{audit.asset.name} in {audit.nct_id or 'a trial without number'}"


def _link_page(
    request: HttpRequest,
    audit: LinkAudit,
    selection: LinkFilter,
    *,
    form: LabelForm | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    terms = terms_of(audit)
    return render(
        request,
        "linkaudit/link.html",
        {
            "title": f"Link {audit.pk}: {_about(audit)}",
            "audit": audit,
            "claim": claim_sentence(audit),
            "source_link": audit.doc.source_url if is_web_address(audit.doc.source_url or "") else "",
            "trial": _trial(audit.nct_id),
            "terms": terms,
            "text": read_document(audit, terms, first_page(request.GET)),
            "asset_is_specified": is_specified(audit.asset),
            "obstacle": label_obstacle(audit, current_user(request)),
            "decisions": queries.history(audit.pk) if _may_see_decisions(current_user(request), audit) else None,
            "form": form or LabelForm(initial={"note": audit.review_notes}),
            "seen_at": audit.updated_at.isoformat(),
            "conflict": conflict,
            "query": _query(selection),
            "previous": previous_link(selection, audit),
            "next": next_link(selection, audit),
            "last_label": undoing.last_label(request.session),
        },
        status=status,
    )


def _may_see_decisions(user: User, audit: LinkAudit) -> bool:
    """Whether what others said cannot sway this person any more, or never will."""
    if not user.has_perm(LABEL) or user.has_perm(ADJUDICATE):
        return True
    return queries.said_by(user.get_username(), audit.pk).exists()


def _trial(nct_id: str | None) -> Model | None:
    if not nct_id:
        return None
    # By name: signals imports this app, so this app may not import signals.
    trial: Model | None = apps.get_model("signals", "Trial").objects.filter(nct_id=nct_id).first()
    return trial
