"""The lists of the admin that somebody may want to go to from the first page."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.urls import reverse

from securities.models import Company, CompanySecurity, ReviewQueueItem
from signals.models import IngestRun, Score, Signal, Trial
from storage.models import Document, StorageObject


@dataclass(frozen=True, slots=True)
class Way:
    """A list in the admin, and what is there."""

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


def ways_of(user: User) -> list[Way]:
    """Return the lists that a person may look at."""
    if not user.is_staff:
        return []
    ways = []
    for model, about in WAYS:
        opts = model._meta
        if admin.site.is_registered(model) and user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            ways.append(Way(str(opts.verbose_name_plural).capitalize(), address, about))
    return ways
