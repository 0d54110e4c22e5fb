"""Pages of adjudicators, and the page on agreement between reviewers."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from linkaudit.adjudication import queries
from linkaudit.document_view import build_document_context
from linkaudit.forms import PlainForm
from linkaudit.services import ADJUDICATE, AdjudicationError, AlreadyResolvedError, adjudicate
from ncfd_site.core.permissions import current_user, require_permission

VIEW_DECISIONS = "linkaudit.view_linkreview"


class AdjudicationForm(PlainForm):
    """An adjudicator's decision and its reason."""

    decision = forms.ChoiceField(choices=[("right", "right"), ("wrong", "wrong")])
    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "data-key": "m", "data-then": "adjudication"}),
        error_messages={"required": "Enter a reason."},
    )


@require_safe
@require_permission(ADJUDICATE)
def disagreements(request: HttpRequest) -> HttpResponse:
    """List the links awaiting adjudication."""
    user = current_user(request)
    rows = [(each, each.is_own(user.get_username())) for each in queries.list_disagreements(user)]
    context = {
        "title": "Adjudication",
        "rows": rows,
        "max_shown": queries.MAX_SHOWN,
        "hidden_count": queries.count_hidden_disagreements(user),
    }
    return render(request, "linkaudit/adjudication/disagreements.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(ADJUDICATE)
def disagreement(request: HttpRequest, audit_id: int) -> HttpResponse:
    """Show a link with the decisions on it; a POST resolves it."""
    if request.method != "POST":
        return _render_disagreement_page(request, audit_id, AdjudicationForm())
    form = AdjudicationForm(request.POST)
    if not form.is_valid():
        return _render_disagreement_page(request, audit_id, form, status=400)
    decision, reason = form.cleaned_data["decision"], form.cleaned_data["reason"]
    try:
        adjudicate(audit_id, decision, reason, actor=current_user(request))
    except AdjudicationError as error:
        raise PermissionDenied(str(error)) from error
    except AlreadyResolvedError:
        context = {"title": f"Link {audit_id} is already resolved", "form": form, "audit_id": audit_id}
        return render(request, "linkaudit/adjudication/resolved.html", context, status=409)
    messages.success(request, f"Link {audit_id} labeled {decision}.")
    return redirect("linkaudit:disagreements")


@require_safe
@require_permission(VIEW_DECISIONS)
def agreement(request: HttpRequest) -> HttpResponse:
    """Show the agreement of first and second opinions, by heuristic and in total."""
    context = {"title": "Agreement", "report": queries.read_agreement(), "min_adjudicated": queries.MIN_ADJUDICATED}
    return render(request, "linkaudit/adjudication/agreement.html", context)


def _render_disagreement_page(
    request: HttpRequest, audit_id: int, form: AdjudicationForm, *, status: int = 200
) -> HttpResponse:
    user = current_user(request)
    found = next(iter(queries.list_disagreements(user, audit_id)), None)
    if found is None:
        raise Http404(f"Link {audit_id} is not awaiting adjudication.")
    context = {
        **build_document_context(found.audit, request.GET),
        "title": f"Adjudication: link {audit_id}",
        "disagreement": found.disagreement,
        "opinions": found.opinions,
        "is_own": found.is_own(user.get_username()),
        "form": form,
    }
    return render(request, "linkaudit/adjudication/disagreement.html", context, status=status)
