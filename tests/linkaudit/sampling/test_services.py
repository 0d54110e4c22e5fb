"""Samples are drawn at random, weekly for promoted links, and closed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from linkaudit.models import LinkAudit, ReviewSample, ReviewSlot
from linkaudit.sampling.queries import count_sampled_links
from linkaudit.sampling.services import (
    NOTHING_DUE,
    Purpose,
    SampleError,
    SampleOptions,
    close_sample,
    draw_promoted_samples,
    draw_sample,
    start_draw_job,
)
from ncfd_site.config.errors import ExitCode
from ncfd_site.core.progress import NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from tests.factories import make_user
from tests.jobs.conftest import run
from tests.linkaudit.reviewing import make_open_links, make_sample

pytestmark = pytest.mark.django_db


def positions(sample: ReviewSample) -> list[int]:
    slots = ReviewSlot.objects.filter(sample=sample, opinion=1).order_by("position")
    return list(slots.values_list("audit_id", flat=True))


def test_seed_determines_the_draw() -> None:
    numbers = make_open_links("HP-1", 60)
    make_open_links("HP-2", 5)
    first = make_sample(size=20, seed=7)
    assert (first.population, first.size, first.seed, first.drawn_by) == (60, 20, 7, "olga")
    drawn = positions(first)
    assert len(set(drawn)) == 20
    assert set(drawn) < set(numbers)
    assert drawn != sorted(drawn)
    assert count_sampled_links("HP-1") == 20
    # The same seed gives the same draw. A link is drawn once.
    first.delete()
    ReviewSlot.objects.all().delete()
    assert positions(make_sample(size=20, seed=7)) == drawn
    assert not set(positions(make_sample(size=40, seed=8))) & set(drawn)
    with pytest.raises(SampleError, match="No links of HP-1 are left to draw"):
        make_sample(size=1)


def test_larger_size_takes_all_links() -> None:
    make_open_links("HP-4", 49)
    assert make_sample("HP-4", size=400).size == 49


@override_settings(REVIEW_SECOND_SHARE=Decimal("0.5"))
def test_share_of_second_opinions_is_a_setting() -> None:
    make_open_links("HP-1", 400)
    sample = draw_sample(SampleOptions(heuristic="HP-1"), drawn_by="olga")
    assert sample.second_share == Decimal("0.5")
    assert 140 < ReviewSlot.objects.filter(sample=sample, opinion=2).count() < 260


@pytest.mark.parametrize(("heuristic", "size"), [("HP-9", 10), ("HP\x00", 10), ("HP-1", 0), ("HP-1", 100_001)])
def test_invalid_draws_are_refused(heuristic: str, size: int) -> None:
    make_open_links("HP-1", 3)
    with pytest.raises(SampleError):
        make_sample(heuristic, size)


def test_promoted_links_are_sampled_weekly() -> None:
    make_open_links("HP-1", 60, promotion_status="promoted")
    make_open_links("HP-2", 8, promotion_status="promoted")
    make_open_links("HP-3", 9)
    drawn = draw_promoted_samples(reporter=NullReporter("timer"))
    assert [(each.heuristic, each.size, each.purpose, each.drawn_by) for each in drawn] == [
        ("HP-1", 50, "promoted", "timer"),
        ("HP-2", 8, "promoted", "timer"),
    ]
    assert draw_promoted_samples(reporter=NullReporter("timer")) == []
    # A timer that is a few seconds early does not skip a week.
    ReviewSample.objects.update(drawn_at=timezone.now() - timedelta(days=7) + timedelta(seconds=30))
    assert [(each.heuristic, each.size) for each in draw_promoted_samples(reporter=NullReporter("timer"))] == [
        ("HP-1", 10)
    ]


def test_precision_sample_does_not_replace_a_promoted_one() -> None:
    make_open_links("HP-1", 60, promotion_status="promoted")
    make_sample(size=60)
    assert len(draw_promoted_samples(reporter=NullReporter("timer"))) == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_timers_draw_one_sample() -> None:
    make_open_links("HP-1", 200, promotion_status="promoted")
    ready = threading.Barrier(3)

    def work() -> int:
        ready.wait()
        try:
            return len(draw_promoted_samples(10, reporter=NullReporter("timer")))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(future.result() for future in [pool.submit(work) for _ in range(3)]) == 1


def test_command_draws_and_prints_samples() -> None:
    make_open_links("HP-1", 30)
    output = StringIO()
    call_command("draw_samples", "HP-1", size=10, seed=3, actor="olga", stdout=output)
    assert output.getvalue().startswith(f"Sample {ReviewSample.objects.get().pk}: 10 of 30 links of HP-1, ")
    assert output.getvalue().endswith("seed 3.\n")
    LinkAudit.objects.update(promotion_status="promoted")
    output = StringIO()
    call_command("draw_samples", promoted=True, json=True, actor="timer", stdout=output)
    [facts] = json.loads(output.getvalue())["samples"]
    assert (facts["heuristic"], facts["purpose"], facts["size"], facts["population"]) == ("HP-1", "promoted", 30, 30)
    output = StringIO()
    call_command("draw_samples", promoted=True, stdout=output)
    assert output.getvalue() == f"{NOTHING_DUE}\n"


def test_command_exits_with_refused_or_usage() -> None:
    with pytest.raises(CommandError, match="No links of HP-9") as refused:
        call_command("draw_samples", "HP-9")
    assert refused.value.returncode == ExitCode.REFUSED
    with pytest.raises(CommandError, match="--seed requires a heuristic"):
        call_command("draw_samples", promoted=True, seed=1)


def test_drawing_and_closing_require_the_permission() -> None:
    make_open_links("HP-1", 3)
    sample, rita, olga = make_sample(size=1), make_user(), make_user(Role.OPERATOR)
    with pytest.raises(PermissionDenied, match=r"linkaudit\.draw_reviewsample"):
        start_draw_job(SampleOptions(heuristic="HP-1"), actor=rita)
    with pytest.raises(PermissionDenied, match=r"linkaudit\.draw_reviewsample"):
        close_sample(sample.pk, actor=rita)
    closed = close_sample(sample.pk, actor=olga)
    assert closed.closed_by == "olga"
    again = close_sample(sample.pk, actor=make_user(Role.OPERATOR, "oscar"))
    assert (again.closed_by, again.closed_at) == ("olga", closed.closed_at)


@pytest.mark.django_db(transaction=True)
def test_job_draws() -> None:
    make_open_links("HP-1", 30)
    options = SampleOptions(heuristic="HP-1", size=12, second_share=Decimal("0.25"), purpose=Purpose.PRECISION, seed=5)
    job = start_draw_job(options, actor=make_user(Role.OPERATOR))
    run()
    job = Job.objects.get(pk=job.pk)
    sample = ReviewSample.objects.get()
    assert (job.state, sample.size, sample.second_share, sample.drawn_by) == ("done", 12, Decimal("0.25"), "olga")
    assert job.result is not None
    assert job.result["message"].startswith(f"Sample {sample.pk}: 12 of 30 links of HP-1")
