"""Writes of samples: the database draws them at random, and an operator can close them."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from linkaudit.models import ReviewSample
from linkaudit.queries import list_heuristics
from linkaudit.sampling.queries import SIZES
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job

DRAW = "linkaudit.draw_reviewsample"
DRAW_JOB = "linkaudit_draw_sample"
# Enough for the last interim analysis. Promoted links are checked in small weekly samples.
DEFAULT_SIZE = SIZES[-1]
PROMOTED_SIZE = 50
MAX_SIZE = 100_000
# A weekly timer is not exact: a sample is due a little early.
WEEKLY = timedelta(days=6, hours=12)
NOTHING_DUE = "No sample is due: every heuristic with promoted links had one this week."
PROMOTED = """
SELECT coalesce(array_agg(n.name ORDER BY n.name), '{}') FROM unnest(%s::text[]) n(name)
WHERE EXISTS (SELECT FROM link_audit a WHERE a.heuristic_applied = n.name AND a.promotion_status = 'promoted')
"""
# The lock of `draw_review_sample`: concurrent draws for one heuristic wait for each other.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('review_samples ' || %s, 0))"

Purpose = ReviewSample.Purpose


class SampleError(UserError):
    """The sample cannot be drawn."""


def read_second_share() -> Decimal:
    """Return the share of links that get a second opinion, from the settings."""
    return Decimal(settings.REVIEW_SECOND_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """Options of a draw. The sample stores the seed, so that the draw can be repeated."""

    heuristic: str
    size: int = DEFAULT_SIZE
    second_share: Decimal = field(default_factory=read_second_share)
    purpose: str = Purpose.PRECISION
    seed: int = field(default_factory=lambda: secrets.randbelow(2**31))

    def to_json(self) -> dict[str, Any]:
        """Return the options as job arguments."""
        return {**asdict(self), "second_share": str(self.second_share)}

    @classmethod
    def from_json(cls, arguments: Mapping[str, Any]) -> "SampleOptions":
        """Return the options in job arguments."""
        return cls(**{**arguments, "second_share": Decimal(arguments["second_share"])})

    def __str__(self) -> str:
        links = "promoted links" if self.purpose == Purpose.PROMOTED else "links"
        return f"{self.size:,} {links} of {self.heuristic}, {self.second_share:.1%} with a second opinion"


@transaction.atomic
def draw_sample(options: SampleOptions, *, drawn_by: str) -> ReviewSample:
    """Draw a sample and return it. The caller checks the permission.

    Raises SampleError if no link is left to draw, or for an invalid size.
    """
    if "\x00" in options.heuristic or not 1 <= options.size <= MAX_SIZE:
        raise SampleError(f"A sample has 1 to {MAX_SIZE:,} links of a heuristic, not {options.size:,}.")
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
        links = "promoted links" if options.purpose == Purpose.PROMOTED else "links"
        raise SampleError(f"No {links} of {options.heuristic} are left to draw: all were in such a sample.")
    return ReviewSample.objects.get(pk=sample_id)


def start_draw_job(options: SampleOptions, *, actor: User) -> Job:
    """Start the job that draws the sample, and return it; raises PermissionDenied."""
    check_permission(actor, DRAW, "Drawing and closing samples")
    return queue.start(DRAW_JOB, options.to_json(), actor=actor)


def draw_promoted_samples(size: int = PROMOTED_SIZE, *, reporter: ProgressReporter) -> list[ReviewSample]:
    """Draw a sample of promoted links for every heuristic that has some and had no such sample for a week."""
    names: list[str] = sql.value(PROMOTED, [list_heuristics()])
    drawn = []
    reporter.begin("Drawing samples of promoted links", len(names), "heuristics")
    for name in names:
        sample = _draw_weekly_sample(name, size, reporter.actor)
        drawn += [sample] if sample else []
        reporter.advance()
    return drawn


@transaction.atomic
def close_sample(sample_id: int, *, actor: User) -> ReviewSample:
    """Close a sample: its open slots leave the queue, and its decisions stay. Closing it twice has no effect.

    Raises PermissionDenied, and ReviewSample.DoesNotExist.
    """
    check_permission(actor, DRAW, "Drawing and closing samples")
    sample = ReviewSample.objects.select_for_update().get(pk=sample_id)
    if sample.closed_at is None:
        ReviewSample.objects.filter(pk=sample_id).update(closed_by=actor.get_username(), closed_at=Now())
        sample.refresh_from_db()
    return sample


def describe_sample(sample: ReviewSample) -> str:
    """Return a sentence with the size, population, heuristic and seed of a sample."""
    links = "promoted link" if sample.purpose == Purpose.PROMOTED else "link"
    second_count = sample.slots.filter(opinion=2).count()
    return (
        f"Sample {sample.pk}: {sample.size:,} of {sample.population:,} {links}{'' if sample.population == 1 else 's'} "
        f"of {sample.heuristic}, {second_count:,} with a second opinion; seed {sample.seed}."
    )


@transaction.atomic
def _draw_weekly_sample(heuristic: str, size: int, drawn_by: str) -> ReviewSample | None:
    sql.execute(LOCK, [heuristic])
    recent = ReviewSample.objects.filter(heuristic=heuristic, purpose=Purpose.PROMOTED, drawn_at__gt=Now() - WEEKLY)
    if recent.exists():
        return None
    try:
        return draw_sample(SampleOptions(heuristic=heuristic, size=size, purpose=Purpose.PROMOTED), drawn_by=drawn_by)
    except SampleError:
        return None  # Every promoted link was in a sample.
