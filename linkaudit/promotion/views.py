"""Pages of promotions: the list, one promotion with its revert, and the form that starts one."""

import re

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from linkaudit.forms import PlainForm
from linkaudit.models import LinkPromotion
from linkaudit.precision.reports import assess
from linkaudit.promotion import queries, services
from linkaudit.promotion.queries import PromotionFilter
from linkaudit.promotion.services import PROMOTE
from ncfd_site.core.lists import ListForm, read_page
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs.queue import JobError

VIEW = "linkaudit.view_linkpromotion"
LINK_ID = re.compile(r"[0-9]{1,18}")


class ReasonForm(PlainForm):
    """A reason, and a checkbox that confirms the change."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Enter a reason. It is stored with the promotion."},
    )
    confirm = forms.BooleanField(error_messages={"required": "Select the checkbox to confirm."})

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return " ".join(str(self.cleaned_data["reason"]).split())


class PromoteForm(ReasonForm):
    """The form that starts a promotion, with the override for missing sample evidence."""

    override = forms.BooleanField(label="Promote without sample evidence", required=False)
    override_reason = forms.CharField(
        label="Reason for the override", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def clean_override_reason(self) -> str:
        """Return the reason of an override on one line, "" without one."""
        reason = " ".join(str(self.cleaned_data["override_reason"]).split())
        if self.cleaned_data["override"] and not reason:
            raise forms.ValidationError("Enter why these links are promoted without sample evidence. It is recorded.")
        return reason if self.cleaned_data["override"] else ""


class PromotionListForm(ListForm[PromotionFilter]):
    """The filter of the list of promotions."""

    selection_class = PromotionFilter

    heuristic = forms.CharField(required=False, max_length=200)


@require_safe
@require_permission(VIEW)
def promotions(request: HttpRequest) -> HttpResponse:
    """List the promotions, newest first."""
    form = PromotionListForm(request.GET)
    selection = form.get_selection() if form.is_valid() else PromotionFilter()
    rows = LinkPromotion.objects.order_by("-pk")
    if selection.heuristic:
        rows = rows.filter(heuristic=selection.heuristic)
    context = {
        "title": f"Promotions of {selection.heuristic}" if selection.heuristic else "Promotions",
        "page": read_page(rows, form.get_page_number() if form.is_valid() else 1),
        "heuristic": selection.heuristic,
    }
    return render(request, "linkaudit/promotion/promotions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(PROMOTE)
def promote(request: HttpRequest, name: str) -> HttpResponse:
    """Preview a promotion; a confirmed POST starts it."""
    form = PromoteForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _render_promote_page(request, name, form, status=400 if form.is_bound else 200)
    try:
        values = form.cleaned_data
        promotion_id, job = services.start_promotion(
            name, values["reason"], values["override_reason"], actor=current_user(request)
        )
    except (services.PromotionError, JobError) as error:
        return _render_promote_page(request, name, form, error=str(error), status=409)
    messages.success(request, f"Promotion {promotion_id} queued.")
    return redirect("jobs:job", job.pk)


@require_safe
@require_permission(VIEW)
def promotion(request: HttpRequest, promotion_id: int) -> HttpResponse:
    """Show one promotion with its links."""
    return _render_promotion_page(request, _get_promotion_or_404(promotion_id), ReasonForm())


@require_POST
@require_permission(PROMOTE)
def revert(request: HttpRequest, promotion_id: int) -> HttpResponse:
    """Start the job that reverts a promotion."""
    found = _get_promotion_or_404(promotion_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _render_promotion_page(request, found, form, status=400)
    try:
        job = services.start_revert_job(promotion_id, form.cleaned_data["reason"], actor=current_user(request))
    except (services.PromotionError, JobError) as error:
        return _render_promotion_page(request, found, form, error=str(error), status=409)
    messages.success(request, f"Revert of promotion {promotion_id} queued.")
    return redirect("jobs:job", job.pk)


def _render_promote_page(
    request: HttpRequest, name: str, form: PromoteForm, *, error: str = "", status: int = 200
) -> HttpResponse:
    assessment = assess(name)
    context = {
        "title": f"Promote links of {name}",
        "status": assessment.status,
        "evidence": assessment.evidence,
        "preview": queries.read_preview(name),
        "max_pending": queries.MAX_PENDING,
        "form": form,
        "error": error,
    }
    return render(request, "linkaudit/promotion/promote.html", context, status=status)


def _render_promotion_page(
    request: HttpRequest, found: LinkPromotion, form: ReasonForm, *, error: str = "", status: int = 200
) -> HttpResponse:
    after, user = request.GET.get("after", ""), current_user(request)
    links, next_after = queries.list_promoted_links(found, int(after) if LINK_ID.fullmatch(after) else 0, user)
    errors = queries.list_later_errors(found, user)
    context = {
        "title": f"Promotion {found.pk} of {found.heuristic}",
        "promotion": found,
        "created": queries.count_created_rows(found),
        "links": links,
        "is_first_page": not after,
        "next_after": next_after,
        "later_errors": errors[: queries.MAX_ERRORS_SHOWN],
        "later_error_ids": {each.audit_id for each in errors},
        "later_error_count": min(len(errors), queries.MAX_ERRORS),
        "has_more_errors": len(errors) > queries.MAX_ERRORS,
        "form": form,
        "error": error,
    }
    return render(request, "linkaudit/promotion/promotion.html", context, status=status)


def _get_promotion_or_404(promotion_id: int) -> LinkPromotion:
    try:
        return LinkPromotion.objects.get(pk=promotion_id)
    except (LinkPromotion.DoesNotExist, OverflowError):
        raise Http404(f"There is no promotion {promotion_id}.") from None
