"""Pages of a reviewer's own decisions, which no other user can open."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from linkaudit.adjudication.queries import read_reviewer_stats
from linkaudit.claims import describe_link
from linkaudit.document_view import build_document_context
from linkaudit.forms import PlainForm
from linkaudit.own_work import queries
from linkaudit.review.services import correct_decision
from linkaudit.services import ADJUDICATE, LABEL
from ncfd_site.core.permissions import current_user, require_permission

CORRECTIONS = {
    "used": "Not corrected: an interim analysis or an adjudication has used this decision.",
    "unchanged": "This is your decision already. Nothing was changed.",
    "unknown": "Not corrected: the decision was undone or corrected since.",
}


class CorrectionForm(PlainForm):
    """Another decision on a link, and the reason."""

    decision = forms.ChoiceField(choices=[(name, name) for name in ("right", "wrong", "unsure")])
    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "data-key": "m"}),
        error_messages={"required": "Enter why you change the decision. It is stored with it."},
    )


@require_safe
@require_permission(LABEL)
def mine(request: HttpRequest) -> HttpResponse:
    """List the user's decisions, with pace and agreement; adjudicators also see the pace of the team."""
    user, form = current_user(request), queries.OwnFilterForm(request.GET)
    selection = form.get_selection() if form.is_valid() else None
    pace = queries.read_pace(user)
    context = {
        "title": "My reviews",
        "form": form,
        "selection": selection,
        "page": queries.read_own_page(selection, form.get_page_number(), user, pace) if selection else None,
        "pace": pace,
        "stats": read_reviewer_stats(user),
        "team": queries.list_paces() if user.has_perm(ADJUDICATE) else None,
        "min_durations": queries.MIN_DURATIONS,
        "outlier_factor": queries.OUTLIER_FACTOR,
    }
    return render(request, "linkaudit/own_work/mine.html", context, status=200 if selection else 400)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(LABEL)
def correct(request: HttpRequest, review_id: int) -> HttpResponse:
    """Show a decision of the user with its document; a POST corrects it."""
    if request.method != "POST":
        return _render_decision_page(request, review_id, CorrectionForm())
    form = CorrectionForm(request.POST)
    if not form.is_valid():
        return _render_decision_page(request, review_id, form, status=400)
    decision, reason = form.cleaned_data["decision"], form.cleaned_data["reason"]
    result = correct_decision(review_id, decision, reason, actor=current_user(request))
    if result.outcome != "corrected":
        return _render_decision_page(request, review_id, form, error=CORRECTIONS[result.outcome], status=409)
    messages.success(request, f"Corrected to {decision}.")
    return redirect("linkaudit:mine")


def _render_decision_page(
    request: HttpRequest, review_id: int, form: CorrectionForm, *, error: str = "", status: int = 200
) -> HttpResponse:
    found = queries.find_own_decision(review_id, current_user(request))
    if found is None:
        raise Http404(f"You made no decision {review_id}.")
    context = {
        **(build_document_context(found.audit, request.GET) if found.audit else {}),
        "title": f"My decision on {describe_link(found.audit)}",
        "own": found,
        "form": form,
        "error": error,
    }
    return render(request, "linkaudit/own_work/decision.html", context, status=status)
