"""The page of the search, its panel in the header, and the items that the user opened last."""

from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.search import providers

MOST_RECENT = 8
# Key of the session: pairs of title and URL, newest first.
RECENT = "recent_items"


@require_safe
@require_permission()
def search(request: HttpRequest) -> HttpResponse:
    """Show the hits of a text by group; with `panel`, only the list for the header."""
    text = " ".join(request.GET.get("q", "").replace("\0", "").split())[: providers.MAX_LENGTH]
    context = {
        "title": f"Search: {text}" if text else "Search",
        "text": text,
        "groups": providers.search(text, current_user(request)),
        "recent": [] if text else request.session.get(RECENT, []),
    }
    return render(request, "search/panel.html" if "panel" in request.GET else "search/search.html", context)


class RecentItemForm(forms.Form):
    """An opened hit: the title and URL of a page of the site."""

    title = forms.CharField(max_length=200)
    url = forms.CharField(max_length=500)

    def clean_url(self) -> str:
        """Return the URL; raise ValidationError if it is no page of the site."""
        url: str = self.cleaned_data["url"]
        try:
            resolve(urlsplit(url).path)
        except (Resolver404, ValueError):
            raise ValidationError("This is not a page of the site.") from None
        if not url_has_allowed_host_and_scheme(url, allowed_hosts=None):
            raise ValidationError("This is not a page of the site.")
        return url


@require_POST
@require_permission()
def add_recent(request: HttpRequest) -> HttpResponse:
    """Remember an opened hit in the user's session."""
    form = RecentItemForm(request.POST)
    if not form.is_valid():
        return HttpResponse("Send the title and the URL of a page of the site.", status=400, content_type="text/plain")
    item = [form.cleaned_data["title"], form.cleaned_data["url"]]
    others = [one for one in request.session.get(RECENT, []) if one[1] != item[1]]
    request.session[RECENT] = [item, *others][:MOST_RECENT]
    return HttpResponse(status=204)
