"""The Wilson interval of k out of n, against values published with the method's usual software."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkaudit.wilson import wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(48, 50, 0.865, 0.989), (57, 60, 0.863, 0.983), (95, 100, 0.888, 0.978), (59, 59, 0.939, 1.0)],
)
def test_it_is_what_statistical_software_gives(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson_interval(successes, trials)
    assert interval is not None
    assert interval.low == pytest.approx(low, abs=5e-4)
    assert interval.high == pytest.approx(high, abs=5e-4)


def test_nothing_reviewed_has_no_interval() -> None:
    assert wilson_interval(0, 0) is None


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (1, 0)])
def test_counts_that_are_no_proportion_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} out of {trials}"):
        wilson_interval(successes, trials)


@settings(deadline=None)
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_rate_lies_inside_of_it_and_it_inside_of_0_to_1(counts: tuple[int, int]) -> None:
    successes, trials = counts
    interval = wilson_interval(successes, trials)
    assert interval is not None
    assert 0 <= interval.low <= successes / trials <= interval.high <= 1
    assert interval.low < interval.high
