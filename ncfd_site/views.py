"""The first page: what waits, and where to go."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from linkaudit.queries import heuristics
from linkaudit.queue.queries import is_a_sample_open
from linkaudit.selection import LinkFilter, first_link
from linkaudit.services import LABEL
from ncfd_site.pages import data_page, person
from securities.models import Company, CompanySecurity, ReviewQueueItem
from signals.models import IngestRun, Score, Signal, Trial
from storage.models import Document, StorageObject


@dataclass(frozen=True, slots=True)
class Way:
    """A list in the admin that somebody may want to go to, and what is there."""

    title: str
    url: str
    about: str


WAYS: list[tuple[type[Model], str]] = [
    (Trial, "the registry's trials, their versions and published results"),
    (Signal, "warning signs that fired"),
    (Score, "the probability of failure of each trial, run by run"),
    (Document, "what was found, and the text that was read out of it"),
    (StorageObject, "content that is kept, who refers to it, what may be cleaned up"),
    (Company, "companies by CIK, with their names and owners"),
    (CompanySecurity, "which tickers belong to which company"),
    (ReviewQueueItem, "sponsors that no company could be found for"),
    (IngestRun, "what the loaders read, and when"),
]


@data_page()
def home(request: HttpRequest) -> HttpResponse:
    """Show the open links by heuristic, and the lists that this person may look at."""
    user = person(request)
    may_see_links = user.has_perm("linkaudit.view_linkaudit")
    may_label = user.has_perm(LABEL)
    return render(
        request,
        "home.html",
        {
            "title": "What waits for you" if may_label else "Where things stand",
            "may_see_links": may_see_links,
            "may_label": may_label,
            "standings": heuristics() if may_see_links else [],
            "first_open": first_link(LinkFilter()) if may_see_links and may_label else None,
            "sample_is_open": may_label and is_a_sample_open(),
            "ways": _ways(user),
        },
    )


def _ways(user: User) -> list[Way]:
    if not user.is_staff:
        return []
    ways = []
    for model, about in WAYS:
        opts = model._meta
        name = f"{opts.app_label}_{opts.model_name}"
        if admin.site.is_registered(model) and user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            ways.append(Way(str(opts.verbose_name_plural).capitalize(), reverse(f"admin:{name}_changelist"), about))
    return ways
