"""Confidence intervals: worked numbers, and properties of bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkaudit.intervals import exact_interval, exact_lower_bound, exact_upper_bound, wilson_interval
from linkaudit.sampling.interim_analysis import REQUIRED_PRECISION, analyze, find_max_errors
from linkaudit.sampling.queries import SIZES


@pytest.mark.parametrize(
    ("right", "reviewed", "wilson", "exact", "lower"),
    [
        (48, 50, (0.865, 0.989), (0.863, 0.995), 0.879),
        (57, 60, (0.863, 0.983), (0.861, 0.990), 0.876),
        (95, 100, (0.888, 0.978), (0.887, 0.984), 0.898),
        (190, 200, (0.910, 0.973), (0.910, 0.976), 0.917),
        (59, 59, (0.939, 1), (0.939, 1), 0.9505),
        (196, 200, (0.950, 0.992), (0.950, 0.994), 0.955),
    ],
)
def test_worked_numbers(
    right: int, reviewed: int, wilson: tuple[float, float], exact: tuple[float, float], lower: float
) -> None:
    exactly, approximately = exact_interval(right, reviewed), wilson_interval(right, reviewed)
    assert exactly is not None
    assert approximately is not None
    assert (approximately.low, approximately.high) == pytest.approx(wilson, abs=6e-4)
    assert (exactly.low, exactly.high) == pytest.approx(exact, abs=6e-4)
    assert exact_lower_bound(right, reviewed) == pytest.approx(lower, abs=6e-4)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(48, 50, 0.865, 0.989), (57, 60, 0.863, 0.983), (95, 100, 0.888, 0.978), (59, 59, 0.939, 1.0)],
)
def test_wilson_interval_equals_that_of_statistical_software(
    successes: int, trials: int, low: float, high: float
) -> None:
    interval = wilson_interval(successes, trials)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-4)


def test_without_trials_there_is_no_interval() -> None:
    assert wilson_interval(0, 0) is None
    assert exact_lower_bound(0, 0) is None
    assert exact_upper_bound(0, 0) is None
    assert exact_interval(0, 0) is None


def test_counts_that_are_not_a_proportion_are_rejected(subtests: pytest.Subtests) -> None:
    for function in (wilson_interval, exact_lower_bound, exact_upper_bound, exact_interval):
        for successes, trials in ((-1, 3), (4, 3), (1, 0)):
            with (
                subtests.test(function.__name__, successes=successes, trials=trials),
                pytest.raises(ValueError, match=f"{successes} out of {trials} is not a proportion"),
            ):
                function(successes, trials)


@pytest.mark.parametrize(("errors", "minimum"), list(enumerate((59, 93, 124, 153, 181, 208))))
def test_smallest_sample_that_proves_the_required_precision(errors: int, minimum: int) -> None:
    bounds = [exact_lower_bound(n - errors, n) for n in (minimum - 1, minimum)]
    assert bounds[0] is not None
    assert bounds[1] is not None
    assert bounds[0] < REQUIRED_PRECISION <= bounds[1]


def test_interim_analysis_passes_with_few_errors() -> None:
    assert [find_max_errors(size) for size in SIZES] == [0, 3, 6, 10]
    assert analyze(100, 0).passed
    assert not analyze(100, 1).passed


@settings(deadline=None)
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_contains_the_rate(counts: tuple[int, int]) -> None:
    successes, trials = counts
    interval = wilson_interval(successes, trials)
    assert interval is not None
    assert 0 <= interval.low <= successes / trials <= interval.high <= 1
    assert interval.low < interval.high


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_bounds_contain_the_rate_and_mirror_each_other(counts: tuple[int, int]) -> None:
    right, reviewed = counts
    low, high = exact_lower_bound(right, reviewed), exact_upper_bound(right, reviewed)
    assert low is not None
    assert high is not None
    assert 0 <= low <= right / reviewed <= high <= 1
    mirrored = exact_upper_bound(reviewed - right, reviewed)
    assert mirrored is not None
    assert low == pytest.approx(1 - mirrored)
