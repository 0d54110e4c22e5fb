"""Interim analyses run once, when all slots up to their size are resolved."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import InterimAnalysis, LinkAudit, LinkReview, ReviewSample, ReviewSlot
from linkaudit.sampling import interim_analysis
from linkaudit.sampling.interim_analysis import run_due_analyses
from linkaudit.sampling.queries import read_outcomes
from linkaudit.sampling.services import Purpose
from linkaudit.services import label_link
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.reviewing import adjudicate, decide, decide_first, find_slot, make_open_links, make_sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample() -> ReviewSample:
    """A sample of 120 of 130 links."""
    make_open_links("HP-1", 130)
    return make_sample(size=120)


def recorded() -> list[tuple[int, int, bool]]:
    return list(InterimAnalysis.objects.values_list("size", "error_count", "passed"))


def test_analysis_runs_at_its_size(sample: ReviewSample) -> None:
    decide_first(sample, 99)
    assert run_due_analyses(sample.pk) == []
    decide_first(sample, 100)
    [analysis] = run_due_analyses(sample.pk)
    assert (analysis.size, analysis.error_count, analysis.passed) == (100, 0, True)
    row = InterimAnalysis.objects.get()
    assert float(row.alpha) == 0.0125
    assert float(row.lower_bound) == pytest.approx(0.0125**0.01, abs=1e-6)
    # Only at planned sizes, not at the 120 slots of the sample.
    decide_first(sample, 120)
    assert run_due_analyses(sample.pk) == []
    assert recorded() == [(100, 0, True)]


def test_analyses_due_together_all_run() -> None:
    make_open_links("HP-1", 210)
    sample = make_sample(size=205)
    decide_first(sample, 205, {7: "wrong", 150: "wrong"})
    assert [(each.size, each.error_count, each.passed) for each in run_due_analyses(sample.pk)] == [
        (100, 1, False),
        (200, 2, True),
    ]


def test_disputed_slot_delays_the_analysis(sample: ReviewSample) -> None:
    decide_first(sample, 100, {50: "unsure"})
    assert run_due_analyses(sample.pk) == []
    adjudicate(find_slot(sample, 50).audit_id, "wrong")
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 1, False)]


def test_second_opinions_must_be_there_and_agree() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample(second="1")
    decide_first(sample, 100, {1: "wrong"})
    assert run_due_analyses(sample.pk) == []
    for slot in ReviewSlot.objects.filter(sample=sample, opinion=2):
        decide(slot, "wrong" if slot.position in (1, 2) else "right", "adam")
    outcomes = read_outcomes([sample.pk])[sample.pk].all
    assert (outcomes.right, outcomes.wrong, outcomes.disputed) == (98, 1, 1)
    assert run_due_analyses(sample.pk) == []
    adjudicate(find_slot(sample, 2).audit_id, "right", "olga")
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 1, False)]


def test_adjudication_resolves_a_slot_without_its_second_opinion() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample(second="0")
    ReviewSlot.objects.create(sample=sample, position=3, opinion=2, audit_id=find_slot(sample, 3).audit_id)
    decide_first(sample, 100, {3: "unsure"})
    assert run_due_analyses(sample.pk) == []
    adjudicate(find_slot(sample, 3).audit_id, "right")
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 0, True)]


@pytest.mark.parametrize("is_decided", [False, True])
def test_deleted_link_counts_as_wrong(sample: ReviewSample, is_decided: bool) -> None:
    deleted = find_slot(sample, 10)
    if is_decided:
        decide(deleted, "unsure")
    LinkAudit.objects.filter(pk=deleted.audit_id).delete()
    decide_first(sample, 100)
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 1, False)]


def test_decision_before_the_deletion_counts(sample: ReviewSample) -> None:
    decide_first(sample, 100)
    LinkAudit.objects.filter(pk=find_slot(sample, 10).audit_id).delete()
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 0, True)]


def test_labels_outside_the_queue_have_no_effect(sample: ReviewSample) -> None:
    """Labels in bulk, from the page, a loader, SQL or a gold standard change neither open nor decided slots."""
    decide_first(sample, 97)
    waiting = {mode: find_slot(sample, position).audit_id for position, mode in enumerate(("bulk", "load", "sql"), 98)}
    for mode, audit_id in waiting.items():
        sql.scalar("record_link_review", audit_id, "right", "adam", mode)
    label_link(find_slot(sample, 1).audit_id, False, actor=make_user(Role.ADJUDICATOR))
    LinkAudit.objects.filter(pk=find_slot(sample, 2).audit_id).update(label=False, label_source="gold_standard")
    assert LinkReview.objects.filter(label_source="gold_standard").exists()
    assert run_due_analyses(sample.pk) == []
    outcomes = read_outcomes([sample.pk])[sample.pk].first(100)
    assert (outcomes.right, outcomes.wrong, outcomes.open) == (97, 0, 3)
    decide_first(sample, 100)
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 0, True)]


def test_decisions_on_another_heuristic_resolve_nothing(sample: ReviewSample) -> None:
    moved = find_slot(sample, 5).audit_id
    LinkAudit.objects.filter(pk=moved).update(heuristic_applied="HP-1.1")
    decide_first(sample, 100)
    assert read_outcomes([sample.pk])[sample.pk].first(100).reassigned == 1
    assert run_due_analyses(sample.pk) == []
    # An adjudication of these decisions does not either.
    adjudicate(moved, "right")
    assert run_due_analyses(sample.pk) == []


def test_adjudication_before_the_sample_resolves_nothing(sample: ReviewSample) -> None:
    adjudicate(find_slot(sample, 5).audit_id, "wrong")
    decide_first(sample, 100)
    run_due_analyses(sample.pk)
    assert recorded() == [(100, 0, True)]


def test_promoted_samples_are_not_analyzed() -> None:
    make_open_links("HP-1", 100, promotion_status="promoted")
    sample = make_sample(purpose=Purpose.PROMOTED)
    decide_first(sample, 100)
    assert run_due_analyses(sample.pk) == []
    assert not recorded()


def test_analysis_never_changes(sample: ReviewSample) -> None:
    decide_first(sample, 100)
    run_due_analyses(sample.pk)
    adjudicate(find_slot(sample, 1).audit_id, "wrong")
    assert run_due_analyses(sample.pk) == []
    assert recorded() == [(100, 0, True)]


def test_without_a_due_analysis_there_is_one_statement(
    sample: ReviewSample, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    decide_first(sample, 60)
    with django_assert_num_queries(1):
        run_due_analyses(sample.pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE review_slots")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {interim_analysis.FIND_DUE_SIZE}", {"sizes": [100, 200], "sample": sample.pk})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    # Two indexes start with the sample and the position; either is fine.
    assert re.search(r"Index (Only )?Scan using (ix_review_slots_open|uq_review_slots_position) ", plan), plan


@pytest.mark.django_db(transaction=True)
def test_concurrent_analyses_record_one() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample()
    decide_first(sample, 100)
    ready = threading.Barrier(4)

    def work() -> int:
        ready.wait()
        try:
            return len(run_due_analyses(sample.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        counts = [future.result() for future in [pool.submit(work) for _ in range(4)]]
    assert sum(counts) == 1
    assert recorded() == [(100, 0, True)]


@pytest.mark.django_db(transaction=True)
def test_analysis_waits_for_a_concurrent_undo() -> None:
    """Either the analysis has used the decision, or the decision is undone and there is no analysis."""
    make_open_links("HP-1", 100)
    sample = make_sample()
    decide_first(sample, 100)
    slot = find_slot(sample, 100)
    undo = "SELECT outcome FROM undo_review(%s, 'rita', interval '1 hour', interval '1 hour')"

    def analyze() -> int:
        try:
            return len(run_due_analyses(sample.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert sql.value(undo, [slot.review_id]) == "undone"
            running = pool.submit(analyze)
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not sql.value(waits) and not running.done():
                pass
        assert running.result() == 0
    assert not recorded()
    decide_first(sample, 100)
    assert len(run_due_analyses(sample.pk)) == 1
    assert sql.value(undo, [find_slot(sample, 100).review_id]) == "used"
