"""Pages of the review desk. Until the decision, they show nothing that could bias the reviewer."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from linkaudit.claims import describe_link, render_claim
from linkaudit.document_view import build_document_context
from linkaudit.forms import PlainForm
from linkaudit.models import LinkReview, ReviewSlot
from linkaudit.queries import find_link
from linkaudit.review import queries, services
from linkaudit.review.shortcuts import ACTIONS, Shortcuts, ShortcutsForm, load_shortcuts, save_shortcuts
from linkaudit.services import LABEL
from linkaudit.session import find_leased_slot_id, find_note, remember_lease
from ncfd_site.core.permissions import current_user, require_permission

DECISIONS = ("right", "wrong", "unsure")
SKIP_REASONS = (
    "I cannot read the language of the document.",
    "The text is not readable.",
    "I have worked on this trial.",
)
UNDO_ERRORS = {
    "too_late": "A decision can be undone for 10 minutes. Nothing was changed.",
    "used": "Not undone: an analysis or an adjudication has used this decision.",
    "taken": "Not undone: another reviewer has reserved or reviewed the link that you skipped.",
    "unknown": "Nothing to undo.",
}


class DecisionForm(PlainForm):
    """A decision on the leased slot, and a note."""

    decision = forms.ChoiceField(choices=[(name, name) for name in DECISIONS])
    note = forms.CharField(label="Note", required=False, max_length=2000)


class SkipForm(PlainForm):
    """The reason for skipping a slot."""

    reason = forms.CharField(
        label="Reason for skipping", max_length=500, error_messages={"required": "Enter a reason."}
    )


@require_safe
@require_permission(LABEL)
def desk(request: HttpRequest) -> HttpResponse:
    """Show the progress of the samples, and the button that leases a slot."""
    samples = queries.list_desk_samples()
    context = {
        "title": "Review",
        "samples": samples,
        "availability": queries.read_availability(current_user(request)) if samples else None,
    }
    return render(request, "linkaudit/review/desk.html", {**_desk_context(request), **context})


@require_POST
@require_permission(LABEL)
def lease(request: HttpRequest) -> HttpResponse:
    """Lease a slot and show it. A note from an expired lease of the same slot is kept."""
    slot = services.lease_slot(actor=current_user(request))
    if slot is None:
        return redirect("linkaudit:desk")
    note = request.POST.get("note", "").strip()
    is_same = find_leased_slot_id(request.session, request.POST.get("again", "")) == slot.slot_id
    if note and not is_same:
        messages.warning(request, "This link is now reserved by another reviewer. Your note was not recorded.")
    return _redirect_to_slot(request, slot, note if is_same else "")


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(LABEL)
def slot(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Show the leased slot; a POST records the decision and leases the next slot."""
    if request.method != "POST":
        return _render_slot_page(request, token)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _render_slot_page(request, token, form=form, status=400)
    note = form.cleaned_data["note"]
    result = services.submit_decision(token, form.cleaned_data["decision"], note, actor=current_user(request))
    if result.outcome == "recorded":
        return _redirect_to_next(request)
    if result.outcome == "repeated":
        return redirect("linkaudit:slot", token)
    return _render_slot_page(request, token, form=form, note=note)


@require_POST
@require_permission(LABEL)
def skip(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Skip the leased slot with a reason, and lease the next slot."""
    form = SkipForm(request.POST)
    if not form.is_valid():
        return _render_slot_page(request, token, skip_form=form, status=400)
    reason = form.cleaned_data["reason"]
    if services.skip_slot(token, reason, actor=current_user(request)):
        return _redirect_to_next(request)
    return _render_slot_page(request, token, note=reason)


@require_POST
@require_permission(LABEL)
def undo(request: HttpRequest) -> HttpResponse:
    """Undo the user's last decision or skip, and show its slot with the note."""
    last = queries.find_last_act(current_user(request))
    if last is None or request.POST.get(last.kind) != str(last.pk):
        messages.warning(request, UNDO_ERRORS["unknown"])
        return redirect("linkaudit:desk")
    undo_act = services.undo_skip if last.kind == "skip" else services.undo_decision
    result = undo_act(last.pk, actor=current_user(request))
    found = queries.find_leased_slot(result.token, current_user(request)) if result.token else None
    if found is None:
        messages.warning(request, UNDO_ERRORS[result.outcome])
        return redirect("linkaudit:desk")
    subject = describe_link(find_link(last.audit_id))
    messages.success(request, f"Undone: {subject} is open again. Label it or skip it.")
    return _redirect_to_slot(request, found, last.note)


@require_POST
@require_permission(LABEL)
def heartbeat(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Renew the lease of an open page."""
    until = services.renew_lease(token, actor=current_user(request))
    if until is None:
        return JsonResponse({"until": None}, status=409)
    return JsonResponse({"until": until.isoformat()})


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(LABEL)
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Show and save the user's keyboard shortcuts."""
    if request.method != "POST":
        stored = load_shortcuts(request)
        form = ShortcutsForm({**stored.keys, "on": stored.is_on})
    elif "defaults" in request.POST:
        return _save_shortcuts(request, Shortcuts())
    else:
        form = ShortcutsForm(request.POST)
        if form.is_valid():
            return _save_shortcuts(request, form.shortcuts())
    status = 400 if request.method == "POST" else 200
    context = {"title": "Keyboard shortcuts", "form": form}
    return render(request, "linkaudit/review/shortcuts.html", context, status=status)


def _save_shortcuts(request: HttpRequest, chosen: Shortcuts) -> HttpResponse:
    response = redirect("linkaudit:shortcuts")
    save_shortcuts(request, response, chosen)
    messages.success(request, "Saved in this browser." if chosen.is_on else "Saved: shortcuts are off.")
    return response


def _redirect_to_next(request: HttpRequest) -> HttpResponse:
    found = services.lease_slot(actor=current_user(request))
    return _redirect_to_slot(request, found) if found else redirect("linkaudit:desk")


def _redirect_to_slot(request: HttpRequest, found: ReviewSlot, note: str = "") -> HttpResponse:
    remember_lease(request.session, found.lease_token, found.slot_id, note)
    return redirect("linkaudit:slot", found.lease_token)


def _desk_context(request: HttpRequest) -> dict[str, Any]:
    """Return the context of all desk pages: the user's decisions today, the last decision, and shortcuts."""
    user = current_user(request)
    last = queries.find_last_act(user)
    keys = load_shortcuts(request).active_keys
    return {
        "today": queries.count_decisions_today(user),
        "last": last,
        "last_subject": describe_link(find_link(last.audit_id)) if last else "",
        "keys": keys,
        "actions": [(action, keys[action.name]) for action in ACTIONS],
    }


def _render_slot_page(
    request: HttpRequest,
    token: uuid.UUID,
    *,
    form: DecisionForm | None = None,
    skip_form: SkipForm | None = None,
    note: str = "",
    status: int = 200,
) -> HttpResponse:
    found = queries.find_leased_slot(token, current_user(request))
    if found is None and find_leased_slot_id(request.session, token) is None:
        raise Http404("This link is not reserved for you. Start from Review.")
    if found is not None and found.state == ReviewSlot.State.DONE:
        return _render_done_page(request, found)
    audit = find_link(found.audit_id) if found and found.state != ReviewSlot.State.DELETED else None
    if found is not None and audit is None:
        return _render_expired(request, token, note, is_deleted=True)
    if found is None or audit is None or not found.is_live:  # type: ignore[attr-defined]
        return _render_expired(request, token, note or (form.data.get("note", "") if form else ""), is_deleted=False)
    context = {
        **_desk_context(request),
        **build_document_context(audit, request.GET),
        "title": f"Review: {describe_link(audit)}",
        "token": token,
        "until": found.lease_until,
        "form": form or DecisionForm(initial={"note": find_note(request.session, token)}),
        "skip_form": skip_form or SkipForm(),
        "skip_reasons": SKIP_REASONS,
    }
    return render(request, "linkaudit/review/slot.html", context, status=status)


def _render_done_page(request: HttpRequest, found: ReviewSlot) -> HttpResponse:
    audit = find_link(found.audit_id)
    context = {
        **_desk_context(request),
        "title": f"Reviewed: {describe_link(audit)}",
        "claim": render_claim(audit) if audit else "",
        "review": get_object_or_404(LinkReview, review_id=found.review_id),
    }
    return render(request, "linkaudit/review/done.html", context)


def _render_expired(request: HttpRequest, token: uuid.UUID, note: str, *, is_deleted: bool) -> HttpResponse:
    context = {
        **_desk_context(request),
        "title": "Document deleted" if is_deleted else "Reservation expired",
        "is_deleted": is_deleted,
        "note": note,
        "token": token,
        "lease": services.read_lease_duration(),
    }
    return render(request, "linkaudit/review/expired.html", context, status=410 if is_deleted else 409)
