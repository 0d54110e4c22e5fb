"""The pages of adjudicators, and the page on how far people agree."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from linkaudit.adjudication import queries
from linkaudit.adjudication.forms import AdjudicationForm
from linkaudit.adjudication.services import AdjudicationRefused, Resolved, adjudicate
from linkaudit.claims import claim_sentence, is_specified
from linkaudit.document_view import first_page, read_document, terms_of
from linkaudit.services import ADJUDICATE
from ncfd_site.core.formatting import is_web_address
from ncfd_site.core.permissions import current_user, require_permission

SEE_DECISIONS = "linkaudit.view_linkreview"


@require_safe
@require_permission(ADJUDICATE)
def disagreements(request: HttpRequest) -> HttpResponse:
    """List what waits for an adjudicator."""
    me = current_user(request).get_username()
    rows = [(one, one.is_own(me)) for one in queries.open_disagreements()]
    context = {"title": "Adjudication", "rows": rows, "most": queries.MOST_SHOWN}
    return render(request, "linkaudit/adjudication/disagreements.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(ADJUDICATE)
def disagreement(request: HttpRequest, audit_id: int) -> HttpResponse:
    """Show a link with the decisions that differ; a POST resolves it."""
    if request.method != "POST":
        return _disagreement_page(request, audit_id, AdjudicationForm())
    form = AdjudicationForm(request.POST)
    if not form.is_valid():
        return _disagreement_page(request, audit_id, form, status=400)
    try:
        adjudicate(audit_id, form.cleaned_data["decision"], form.cleaned_data["reason"], actor=current_user(request))
    except AdjudicationRefused as refused:
        raise PermissionDenied(str(refused)) from refused
    except Resolved:
        context = {"title": f"Link {audit_id} is resolved already", "form": form, "audit_id": audit_id}
        return render(request, "linkaudit/adjudication/resolved.html", context, status=409)
    messages.success(request, f"Resolved: link {audit_id} is {form.cleaned_data['decision']} now.")
    return redirect("linkaudit:disagreements")


@require_safe
@require_permission(SEE_DECISIONS)
def agreement(request: HttpRequest) -> HttpResponse:
    """Show how far first and second opinions agree, by heuristic and over all."""
    pairs = queries.pairs()
    context = {
        "title": "Agreement",
        "pairs": pairs,
        "together": queries.together(pairs),
        "reviewers": queries.reviewers(),
        "least": queries.LEAST_ADJUDICATED,
    }
    return render(request, "linkaudit/adjudication/agreement.html", context)


def _disagreement_page(
    request: HttpRequest, audit_id: int, form: AdjudicationForm, *, status: int = 200
) -> HttpResponse:
    found = queries.open_disagreement(audit_id)
    if found is None:
        raise Http404(f"Link {audit_id} does not wait for an adjudicator: it was resolved, or nobody differs on it.")
    audit, terms = found.audit, terms_of(found.audit)
    context = {
        "title": f"Adjudication: link {audit_id}",
        "found": found,
        "audit": audit,
        "claim": claim_sentence(audit),
        "is_own": found.is_own(current_user(request).get_username()),
        "form": form,
        "source_link": audit.doc.source_url if is_web_address(audit.doc.source_url or "") else "",
        "text": read_document(audit, terms, first_page(request.GET)),
        "asset_is_specified": is_specified(audit.asset),
    }
    return render(request, "linkaudit/adjudication/disagreement.html", context, status=status)
