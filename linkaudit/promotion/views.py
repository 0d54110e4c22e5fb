"""The pages of promotion: what was promoted, what would be, and the buttons that promote and take back."""

import re

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from linkaudit.models import LinkPromotion, LinkReview
from linkaudit.promotion import queries, services
from linkaudit.promotion.forms import PromotionListForm, ReasonForm
from linkaudit.promotion.services import PROMOTE
from linkaudit.queries import heuristic_standing
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs.queue import JobError

VIEW = "linkaudit.view_linkpromotion"
NUMBER = re.compile(r"[0-9]{1,18}")


@require_safe
@require_permission(VIEW)
def promotions(request: HttpRequest) -> HttpResponse:
    """List the promotions, newest first."""
    form = PromotionListForm(request.GET)
    selection = form.get_selection() if form.is_valid() else queries.PromotionFilter()
    page = queries.promotion_page(selection, form.get_page_number() if form.is_valid() else 1)
    heuristic = selection.heuristic
    title = f"Promotions of {heuristic}" if heuristic else "Promotions"
    context = {"title": title, "page": page, "heuristic": heuristic}
    return render(request, "linkaudit/promotion/promotions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(PROMOTE)
def promote(request: HttpRequest, name: str) -> HttpResponse:
    """Say what a promotion would do; a POST that confirms it begins one and starts its job."""
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _promote_page(request, name, form, status=400 if form.is_bound else 200)
    try:
        promotion_id, job = services.begin(name, form.cleaned_data["reason"], actor=current_user(request))
    except (services.PromotionRefused, JobError) as refused:
        return _promote_page(request, name, form, refused=str(refused), status=409)
    messages.success(request, f"Promotion {promotion_id} has begun. Its job waits for a worker.")
    return redirect("jobs:job", job.pk)


@require_safe
@require_permission(VIEW)
def promotion(request: HttpRequest, promotion_id: int) -> HttpResponse:
    """Show one promotion with its links."""
    return _promotion_page(request, _find(promotion_id), ReasonForm())


@require_POST
@require_permission(PROMOTE)
def take_back(request: HttpRequest, promotion_id: int) -> HttpResponse:
    """Start the job that takes a promotion back."""
    found = _find(promotion_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _promotion_page(request, found, form, status=400)
    try:
        job = services.ask_to_take_back(promotion_id, form.cleaned_data["reason"], actor=current_user(request))
    except (services.PromotionRefused, JobError) as refused:
        return _promotion_page(request, found, form, refused=str(refused), status=409)
    messages.success(request, f"Promotion {promotion_id} is taken back as soon as a worker is free.")
    return redirect("jobs:job", job.pk)


def _promote_page(
    request: HttpRequest, name: str, form: ReasonForm, *, refused: str = "", status: int = 200
) -> HttpResponse:
    # PostgreSQL takes no text with this character in it, so no heuristic has such a name.
    standing = None if "\x00" in name else heuristic_standing(name)
    if standing is None:
        raise Http404("No heuristic of that name has proposed a link.")
    context = {
        "title": f"Promote links of {name}",
        "standing": standing,
        "found": queries.preview(name),
        "most": queries.MOST_PENDING,
        "form": form,
        "refused": refused,
    }
    return render(request, "linkaudit/promotion/promote.html", context, status=status)


def _promotion_page(
    request: HttpRequest, found: LinkPromotion, form: ReasonForm, *, refused: str = "", status: int = 200
) -> HttpResponse:
    after = request.GET.get("after", "")
    links, following = queries.promoted_links(found, int(after) if NUMBER.fullmatch(after) else 0)
    wrong = queries.later_wrong(found)
    context = {
        "title": f"Promotion {found.pk} of {found.heuristic}",
        "promotion": found,
        "made": queries.made_by(found),
        "links": links,
        "first_page": not after,
        "following": following,
        "wrong": [(one, dict(LinkReview.Mode.choices).get(one.mode, one.mode)) for one in wrong[: queries.WRONG_SHOWN]],
        "wrong_ids": {one.audit_id for one in wrong},
        "wrong_count": min(len(wrong), queries.MOST_WRONG),
        "wrong_cut_off": len(wrong) > queries.MOST_WRONG,
        "form": form,
        "refused": refused,
    }
    return render(request, "linkaudit/promotion/promotion.html", context, status=status)


def _find(promotion_id: int) -> LinkPromotion:
    try:
        return LinkPromotion.objects.get(pk=promotion_id)
    except (LinkPromotion.DoesNotExist, OverflowError):
        raise Http404(f"There is no promotion {promotion_id}: the address is mistyped.") from None
