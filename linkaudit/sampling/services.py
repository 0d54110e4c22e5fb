"""Writes of samples: drawn by the database, at random; ended by a person."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now

from linkaudit.models import ReviewSample
from linkaudit.sampling.options import LARGEST, PROMOTED_SIZE, Purpose, SampleOptions
from linkaudit.sampling.queries import promoted_heuristics
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job

DRAW = "linkaudit.draw_reviewsample"
DRAW_JOB = "linkaudit_draw_sample"
# A weekly timer is not exact: what was drawn almost a week ago is due.
WEEKLY = timedelta(days=6, hours=12)
# The lock of `draw_review_sample`: whoever draws for the same heuristic at the same time waits for it.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('review_samples ' || %s, 0))"


class SampleRefused(UserError):
    """No sample is drawn, or closed, as things stand; the text says why."""


@transaction.atomic
def draw(options: SampleOptions, *, drawn_by: str) -> ReviewSample:
    """Draw a sample and return it; for commands and jobs, whose permission was asked before.

    Raises SampleRefused where there is no link to draw, or the size is none that the database takes.
    """
    if "\x00" in options.heuristic or not 1 <= options.size <= LARGEST:
        raise SampleRefused(f"A sample has 1 to {LARGEST:,} links of a heuristic, not {options.size:,}.")
    sample_id = sql.scalar(
        "draw_review_sample",
        options.heuristic,
        options.size,
        options.second_share,
        options.purpose,
        options.seed,
        drawn_by,
    )
    if sample_id is None:
        which = "promoted links" if options.purpose == Purpose.PROMOTED else "links"
        raise SampleRefused(
            f"{options.heuristic} has no {which} that were not in such a sample already: there is nothing to draw from."
        )
    return ReviewSample.objects.get(pk=sample_id)


def start_drawing(options: SampleOptions, *, actor: User) -> Job:
    """Start a job that draws the sample, and return it; raises PermissionDenied where the actor may not."""
    require_drawing(actor)
    return queue.start(DRAW_JOB, options.as_json(), actor=actor)


def draw_promoted(size: int = PROMOTED_SIZE, *, control: ProgressReporter) -> list[ReviewSample]:
    """Draw a sample of promoted links for every heuristic that has some and had none drawn for a week."""
    names = promoted_heuristics()
    drawn = []
    control.begin("Drawing samples of promoted links", len(names), "heuristics")
    for name in names:
        sample = _draw_weekly(name, size, control.actor)
        drawn += [sample] if sample else []
        control.advance()
    return drawn


@transaction.atomic
def close_sample(sample_id: int, *, actor: User) -> ReviewSample:
    """End a sample: its places are served no more. What was said stays; closing twice is closing once.

    Raises PermissionDenied where the actor may not, and ReviewSample.DoesNotExist.
    """
    require_drawing(actor)
    sample = ReviewSample.objects.select_for_update().get(pk=sample_id)
    if sample.closed_at is None:
        ReviewSample.objects.filter(pk=sample_id).update(closed_by=actor.get_username(), closed_at=Now())
        sample.refresh_from_db()
    return sample


def require_drawing(actor: User) -> None:
    """Raise PermissionDenied where the actor may not draw or close samples."""
    if not actor.has_perm(DRAW):
        raise PermissionDenied(
            f"Drawing and closing samples needs the permission {DRAW}, which {actor.get_username()} does not have."
        )


@transaction.atomic
def _draw_weekly(heuristic: str, size: int, drawn_by: str) -> ReviewSample | None:
    sql.execute(LOCK, [heuristic])
    lately = ReviewSample.objects.filter(heuristic=heuristic, purpose=Purpose.PROMOTED, drawn_at__gt=Now() - WEEKLY)
    if lately.exists():
        return None
    try:
        return draw(SampleOptions(heuristic=heuristic, size=size, purpose=Purpose.PROMOTED), drawn_by=drawn_by)
    except SampleRefused:
        return None  # Every promoted link was in a sample already.
