"""Query plans of the lists: the first page is read from an index in its order, with any data."""

import pytest
from django.utils import timezone

from signals.trials import search
from signals.trials.selection import TrialFilter, select_ordered_scores
from tests import plans
from tests.signals.trials.conftest import LATEST, scored_trial

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_tables() -> None:
    plans.empty_tables()


@pytest.mark.parametrize(
    ("selection", "index"),
    [
        (TrialFilter(), "ix_trial_current_scores_p_fail"),
        (TrialFilter(sort="-risk"), "ix_trial_current_scores_p_fail"),
        (TrialFilter(band=("97",)), "ix_trial_current_scores_p_fail"),
        (TrialFilter(band=("none",)), "ix_trial_current_scores_p_fail"),
        (TrialFilter(sort="change"), "ix_trial_current_scores_change"),
        (TrialFilter(sort="-change"), "ix_trial_current_scores_change"),
        (TrialFilter(sort="readout"), "ix_trials_readout"),
        (TrialFilter(sort="-readout"), "ix_trials_readout"),
        (TrialFilter(sort="number"), "trials_nct_id_key"),
        (TrialFilter(run=LATEST), "ix_scores_run_p_fail"),
        (TrialFilter(run=LATEST, sort="-risk"), "ix_scores_run_p_fail"),
        (TrialFilter(run=LATEST, phase=("PHASE3",)), "ix_scores_run_p_fail"),
        (TrialFilter(phase=("PHASE3",), pivotal="yes"), "ix_trial_current_scores_p_fail"),
    ],
)
def test_an_index_has_the_order(selection: TrialFilter, index: str) -> None:
    for number in range(20):
        scored_trial(f"NCT{number:08}", f"0.{number + 10}")
    # On few rows a scan and a sort are cheap; what is asked here is whether the index can do without.
    plans.disable("seqscan", "sort", "bitmapscan", "hashjoin", "mergejoin")
    plan = select_ordered_scores(selection, timezone.localdate())[:51].explain()
    assert index in plan
    assert "Sort" not in plan, plan


def test_the_words_of_a_sponsor_are_found_through_their_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FEW", 0)
    scored_trial("NCT00000001")
    plans.disable("seqscan", "indexscan", "hashjoin", "mergejoin")
    plan = select_ordered_scores(TrialFilter(sponsor="example"), timezone.localdate())[:51].explain()
    assert "ix_trials_sponsor_words" in plan, plan


def test_trials_with_rare_words_are_looked_up_by_their_keys() -> None:
    scored_trial("NCT00000001")
    plans.disable("seqscan", "hashjoin", "mergejoin")
    plan = select_ordered_scores(TrialFilter(sponsor="example"), timezone.localdate())[:51].explain()
    assert "ix_trials_sponsor_words" not in plan
    # Which index serves the key depends on the statistics of the table.
    assert "Index Cond: (trial_id = " in plan, plan
