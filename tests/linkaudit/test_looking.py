"""Looks at the evidence: when they are due, what counts, and that each is taken once."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from linkaudit import interim_analysis
from linkaudit.interim_analysis import look_at
from linkaudit.models import InterimAnalysis, LinkAudit, LinkReview, ReviewSample, ReviewSlot
from linkaudit.sampling.options import Purpose
from linkaudit.sampling.outcomes import outcomes_of
from linkaudit.services import label_link
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.reviewing import adjudicate, answer, make_open_links, make_sample, place, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample() -> ReviewSample:
    """A sample of 120 of 130 links."""
    make_open_links("HP-1", 130)
    return make_sample(size=120)


def looks() -> list[tuple[int, int, bool]]:
    return list(InterimAnalysis.objects.values_list("size", "error_count", "passed"))


def test_a_look_is_taken_at_its_size_and_not_before(sample: ReviewSample) -> None:
    answer(sample, 99)
    assert look_at(sample.pk) == []
    answer(sample, 100)
    [taken] = look_at(sample.pk)
    assert (taken.size, taken.wrong, taken.passed) == (100, 0, True)
    kept = InterimAnalysis.objects.get()
    assert float(kept.alpha) == 0.0125
    assert float(kept.lower_bound) == pytest.approx(0.0125**0.01, abs=1e-6)
    # Only sizes that were fixed: not at the 120 places that the sample has.
    answer(sample, 120)
    assert look_at(sample.pk) == []
    assert looks() == [(100, 0, True)]


def test_looks_that_became_due_together_are_all_taken() -> None:
    make_open_links("HP-1", 210)
    sample = make_sample(size=205)
    answer(sample, 205, {7: "wrong", 150: "wrong"})
    assert [(look.size, look.wrong, look.passed) for look in look_at(sample.pk)] == [(100, 1, False), (200, 2, True)]


def test_a_disputed_place_holds_the_look_until_it_is_adjudicated(sample: ReviewSample) -> None:
    answer(sample, 100, {50: "unsure"})
    assert look_at(sample.pk) == []
    adjudicate(place(sample, 50).audit_id, "wrong")
    look_at(sample.pk)
    assert looks() == [(100, 1, False)]


def test_second_opinions_are_waited_for_and_have_to_agree() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample(second="1")
    answer(sample, 100, {1: "wrong"})
    assert look_at(sample.pk) == []
    for slot in ReviewSlot.objects.filter(sample=sample, opinion=2):
        say(slot, "wrong" if slot.position in (1, 2) else "right", "adam")
    found = outcomes_of([sample.pk])[sample.pk].all
    assert (found.right, found.wrong, found.disputed) == (98, 1, 1)
    assert look_at(sample.pk) == []
    adjudicate(place(sample, 2).audit_id, "right", "olga")
    look_at(sample.pk)
    assert looks() == [(100, 1, False)]


def test_an_adjudication_settles_a_place_whose_second_opinion_is_still_open() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample(second="0")
    ReviewSlot.objects.create(sample=sample, position=3, opinion=2, audit_id=place(sample, 3).audit_id)
    answer(sample, 100, {3: "unsure"})
    assert look_at(sample.pk) == []
    adjudicate(place(sample, 3).audit_id, "right")
    look_at(sample.pk)
    assert looks() == [(100, 0, True)]


@pytest.mark.parametrize("is_said", [False, True])
def test_a_link_that_is_gone_counts_as_wrong(sample: ReviewSample, is_said: bool) -> None:
    gone = place(sample, 10)
    if is_said:
        say(gone, "unsure")
    LinkAudit.objects.filter(pk=gone.audit_id).delete()
    answer(sample, 100)
    look_at(sample.pk)
    assert looks() == [(100, 1, False)]


def test_what_was_said_before_the_link_went_stands(sample: ReviewSample) -> None:
    answer(sample, 100)
    LinkAudit.objects.filter(pk=place(sample, 10).audit_id).delete()
    look_at(sample.pk)
    assert looks() == [(100, 0, True)]


def test_labels_given_otherwise_move_nothing(sample: ReviewSample) -> None:
    """Bulk, page, load, SQL and gold labels: neither a place that waits nor one that has its decision."""
    answer(sample, 97)
    waiting = {mode: place(sample, position).audit_id for position, mode in enumerate(("bulk", "load", "sql"), 98)}
    for mode, audit_id in waiting.items():
        sql.scalar("record_link_review", audit_id, "right", "adam", mode)
    label_link(place(sample, 1).audit_id, False, actor=make_user(Role.ADJUDICATOR))
    LinkAudit.objects.filter(pk=place(sample, 2).audit_id).update(label=False, label_source="gold_standard")
    assert LinkReview.objects.filter(label_source="gold_standard").exists()
    assert look_at(sample.pk) == []
    found = outcomes_of([sample.pk])[sample.pk].first(100)
    assert (found.right, found.wrong, found.open) == (97, 0, 3)
    answer(sample, 100)
    look_at(sample.pk)
    assert looks() == [(100, 0, True)]


def test_decisions_on_another_version_of_the_heuristic_settle_nothing(sample: ReviewSample) -> None:
    moved = place(sample, 5).audit_id
    LinkAudit.objects.filter(pk=moved).update(heuristic_applied="HP-1.1")
    answer(sample, 100)
    assert outcomes_of([sample.pk])[sample.pk].first(100).moved == 1
    assert look_at(sample.pk) == []
    # Nor does an adjudication of those.
    adjudicate(moved, "right")
    assert look_at(sample.pk) == []


def test_an_adjudication_from_before_the_sample_settles_nothing(sample: ReviewSample) -> None:
    adjudicate(place(sample, 5).audit_id, "wrong")
    answer(sample, 100)
    look_at(sample.pk)
    assert looks() == [(100, 0, True)]


def test_samples_of_promoted_links_are_not_looked_at() -> None:
    make_open_links("HP-1", 100, promotion_status="promoted")
    sample = make_sample(purpose=Purpose.PROMOTED)
    answer(sample, 100)
    assert look_at(sample.pk) == []
    assert not looks()


def test_a_look_stays_whatever_is_said_later(sample: ReviewSample) -> None:
    answer(sample, 100)
    look_at(sample.pk)
    adjudicate(place(sample, 1).audit_id, "wrong")
    assert look_at(sample.pk) == []
    assert looks() == [(100, 0, True)]


def test_where_none_is_due_one_statement_says_so(
    sample: ReviewSample, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    answer(sample, 60)
    with django_assert_num_queries(1):
        look_at(sample.pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE review_slots")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {interim_analysis.DUE}", {"looks": [100, 200], "sample": sample.pk})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    # By the sample and the place: two indexes begin with these, and either does.
    assert re.search(r"Index (Only )?Scan using (ix_review_slots_open|uq_review_slots_position) ", plan), plan


@pytest.mark.django_db(transaction=True)
def test_two_at_once_take_it_once() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample()
    answer(sample, 100)
    ready = threading.Barrier(4)

    def work() -> int:
        ready.wait()
        try:
            return len(look_at(sample.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = [future.result() for future in [pool.submit(work) for _ in range(4)]]
    assert sum(taken) == 1
    assert looks() == [(100, 0, True)]


@pytest.mark.django_db(transaction=True)
def test_a_decision_that_is_being_taken_back_is_waited_for() -> None:
    """Either the look has used the decision, and it stays; or it is taken back, and there is no look."""
    make_open_links("HP-1", 100)
    sample = make_sample()
    answer(sample, 100)
    slot = place(sample, 100)
    undo = "SELECT outcome FROM undo_review(%s, 'rita', interval '1 hour', interval '1 hour')"

    def look() -> int:
        try:
            return len(look_at(sample.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert sql.value(undo, [slot.review_id]) == "undone"
            looking_now = pool.submit(look)
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not sql.value(waits) and not looking_now.done():
                pass
        assert looking_now.result() == 0
    assert not looks()
    answer(sample, 100)
    assert len(look_at(sample.pk)) == 1
    assert sql.value(undo, [place(sample, 100).review_id]) == "used"
