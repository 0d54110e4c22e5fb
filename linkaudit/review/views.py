"""The pages of the queue. What would sway a reviewer is on none of them before the decision."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from linkaudit.claims import claim_sentence, is_specified
from linkaudit.document_view import first_page, read_document, terms_of
from linkaudit.models import LinkAudit, LinkReview, ReviewSlot
from linkaudit.review import places, queries, services
from linkaudit.review.actions import ACTIONS
from linkaudit.review.forms import (
    REASONS,
    DecisionForm,
    KeysForm,
    SkipForm,
)
from linkaudit.review.keys import (
    DEFAULTS,
    Keys,
    keep,
    keys_of,
)
from linkaudit.services import LABEL
from ncfd_site.core.formatting import is_web_address
from ncfd_site.core.permissions import current_user, require_permission

NOT_TAKEN_BACK = {
    "too_late": "A decision can be taken back for 10 minutes, and those are over. Nothing was changed.",
    "used": "Your decision counts already: it was looked at or adjudicated since, so it was not taken back.",
    "unknown": "There is nothing to take back any more. Nothing was changed.",
}


@require_safe
@require_permission(LABEL)
def desk(request: HttpRequest) -> HttpResponse:
    """Show how far the samples are, and the one thing to do."""
    samples = queries.progress()
    context = {
        "title": "Review",
        "samples": samples,
        "waiting": queries.waiting(current_user(request)) if samples else None,
    }
    return render(request, "linkaudit/review/desk.html", {**_common(request), **context})


@require_POST
@require_permission(LABEL)
def claim(request: HttpRequest) -> HttpResponse:
    """Lease a place and go to it. After a lease that ended, the note goes along where the place is the same."""
    slot = services.claim(actor=current_user(request))
    if slot is None:
        return redirect("linkaudit:desk")
    note = request.POST.get("note", "").strip()
    is_same = places.had(request.session, request.POST.get("again", "")) == slot.slot_id
    if note and not is_same:
        messages.warning(request, "Somebody else has that link now, and your note on it was not recorded.")
    return _to_place(request, slot.lease_token, slot.slot_id, note if is_same else "")


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(LABEL)
def place(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Show the place that one has leased; a POST says the decision on it and leases the next one."""
    if request.method != "POST":
        return _place_page(request, token)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _place_page(request, token, form=form, status=400)
    note = form.cleaned_data["note"]
    done = services.submit(token, form.cleaned_data["decision"], note, actor=current_user(request))
    if done.outcome == "recorded":
        return _next(request)
    if done.outcome == "repeated":
        return redirect("linkaudit:place", token)
    return _place_page(request, token, form=form, note=note)


@require_POST
@require_permission(LABEL)
def skip(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Pass over the place that one has leased, with a reason, and lease the next one."""
    form = SkipForm(request.POST)
    if not form.is_valid():
        return _place_page(request, token, skip_form=form, status=400)
    reason = form.cleaned_data["reason"]
    if services.skip(token, reason, actor=current_user(request)):
        return _next(request)
    return _place_page(request, token, note=reason)


@require_POST
@require_permission(LABEL)
def undo(request: HttpRequest) -> HttpResponse:
    """Take back one's last decision, and show its place again with the note that was written."""
    last = queries.last_decision(current_user(request))
    if last is None or request.POST.get("review") != str(last.pk):
        messages.warning(request, NOT_TAKEN_BACK["unknown"])
        return redirect("linkaudit:desk")
    undone = services.undo(last.pk, actor=current_user(request))
    slot = queries.place(undone.token, current_user(request)) if undone.token else None
    if slot is None:
        messages.warning(request, NOT_TAKEN_BACK[undone.outcome])
        return redirect("linkaudit:desk")
    messages.success(request, "Taken back: say it again, or skip it.")
    return _to_place(request, slot.lease_token, slot.slot_id, last.note or "")


@require_POST
@require_permission(LABEL)
def heartbeat(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Let the lease of a page that is looked at begin anew."""
    until = services.renew(token, actor=current_user(request))
    if until is None:
        return JsonResponse({"until": None}, status=409)
    return JsonResponse({"until": until.isoformat()})


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(LABEL)
def keys(request: HttpRequest) -> HttpResponse:
    """Let a person choose the keys, or use none."""
    chosen = keys_of(request)
    if request.method == "POST" and "defaults" in request.POST:
        return _keep_keys(request, Keys())
    form = KeysForm(request.POST) if request.method == "POST" else KeysForm({**chosen.chosen, "on": chosen.on})
    if request.method == "POST" and form.is_valid():
        return _keep_keys(request, Keys(form.cleaned_data["on"], {name: form.cleaned_data[name] for name in DEFAULTS}))
    status = 400 if request.method == "POST" else 200
    return render(request, "linkaudit/review/keys.html", {"title": "Keys of the desk", "form": form}, status=status)


def _keep_keys(request: HttpRequest, chosen: Keys) -> HttpResponse:
    response = redirect("linkaudit:keys")
    keep(request, response, chosen)
    messages.success(request, "Kept for you in this browser." if chosen.on else "Kept: no key does anything now.")
    return response


def _next(request: HttpRequest) -> HttpResponse:
    slot = services.claim(actor=current_user(request))
    return _to_place(request, slot.lease_token, slot.slot_id) if slot else redirect("linkaudit:desk")


def _to_place(request: HttpRequest, token: uuid.UUID | None, slot_id: int, note: str = "") -> HttpResponse:
    places.remember(request.session, token, slot_id, note)
    return redirect("linkaudit:place", token)


def _common(request: HttpRequest) -> dict[str, Any]:
    """What all pages of the queue show: one's own day, one's last decision, and the keys."""
    user = current_user(request)
    last = queries.last_decision(user)
    return {
        "today": queries.said_today(user),
        "last": last,
        "last_about": _about(LinkAudit.objects.select_related("asset").filter(pk=last.audit_id).first())
        if last
        else "",
        "keys": keys_of(request).of,
        "actions": [(action, keys_of(request).of[action.name]) for action in ACTIONS],
    }


def _about(audit: LinkAudit | None) -> str:
    return f"{audit.asset.name} in {audit.nct_id or 'a trial without number'}" if audit else "a link that is gone"


def _place_page(
    request: HttpRequest,
    token: uuid.UUID,
    *,
    form: DecisionForm | None = None,
    skip_form: SkipForm | None = None,
    note: str = "",
    status: int = 200,
) -> HttpResponse:
    slot = queries.place(token, current_user(request))
    if slot is None and places.had(request.session, token) is None:
        raise Http404("There is no such place of yours: go to Review and start from there.")
    if slot is not None and slot.state == ReviewSlot.State.DONE:
        return _done_page(request, slot)
    audit = _audit(slot) if slot else None
    if slot is not None and audit is None:
        return _ended_page(request, token, "gone", note, status=410)
    if slot is None or audit is None or not slot.is_live:  # type: ignore[attr-defined]
        note = note or (form.data.get("note", "") if form else "")
        return _ended_page(request, token, "expired", note, status=409)
    return _open_page(request, slot, audit, form, skip_form, status)


def _audit(slot: ReviewSlot) -> LinkAudit | None:
    if slot.state == ReviewSlot.State.DELETED:
        return None
    return LinkAudit.objects.select_related("asset", "doc").filter(pk=slot.audit_id).first()


def _open_page(
    request: HttpRequest,
    slot: ReviewSlot,
    audit: LinkAudit,
    form: DecisionForm | None,
    skip_form: SkipForm | None,
    status: int,
) -> HttpResponse:
    terms = terms_of(audit)
    context = {
        "title": f"Review: {_about(audit)}",
        "token": slot.lease_token,
        "until": slot.lease_until,
        "audit": audit,
        "claim": claim_sentence(audit),
        "source_link": audit.doc.source_url if is_web_address(audit.doc.source_url or "") else "",
        "text": read_document(audit, terms, first_page(request.GET)),
        "asset_is_specified": is_specified(audit.asset),
        "form": form or DecisionForm(initial={"note": places.note_of(request.session, slot.lease_token)}),
        "skip_form": skip_form or SkipForm(),
        "reasons": REASONS,
    }
    return render(request, "linkaudit/review/place.html", {**_common(request), **context}, status=status)


def _done_page(request: HttpRequest, slot: ReviewSlot) -> HttpResponse:
    audit = LinkAudit.objects.select_related("asset", "doc").filter(pk=slot.audit_id).first()
    context = {
        "title": f"Reviewed: {_about(audit)}",
        "claim": claim_sentence(audit) if audit else "",
        "review": get_object_or_404(LinkReview, review_id=slot.review_id),
    }
    return render(request, "linkaudit/review/done.html", {**_common(request), **context})


def _ended_page(request: HttpRequest, token: uuid.UUID, why: str, note: str, *, status: int) -> HttpResponse:
    title = "This document was deleted" if why == "gone" else "Your time on this link is over"
    context = {"title": title, "why": why, "note": note, "token": token, "lease": services.lease()}
    return render(request, "linkaudit/review/ended.html", {**_common(request), **context}, status=status)
