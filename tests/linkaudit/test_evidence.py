"""Exact bounds, with worked numbers, and looks that are fixed in advance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkaudit import evidence
from linkaudit.evidence import exact_interval, exact_lower_bound, exact_upper_bound, look, most_wrong
from linkaudit.wilson import wilson_interval


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
    near = pytest.approx
    found, about = exact_interval(right, reviewed), wilson_interval(right, reviewed)
    assert found is not None
    assert about is not None
    assert (about.low, about.high) == near(wilson, abs=6e-4)
    assert (found.low, found.high) == near(exact, abs=6e-4)
    assert exact_lower_bound(right, reviewed) == near(lower, abs=6e-4)


def test_nothing_reviewed_is_unknown_and_not_zero() -> None:
    assert exact_lower_bound(0, 0) is None
    assert exact_upper_bound(0, 0) is None
    assert exact_interval(0, 0) is None


@pytest.mark.parametrize(("errors", "least"), list(enumerate((59, 93, 124, 153, 181, 208))))
def test_the_least_sample_that_proves_the_gate_with_so_many_errors(errors: int, least: int) -> None:
    proves = [exact_lower_bound(n - errors, n) for n in (least - 1, least)]
    assert proves[0] is not None
    assert proves[1] is not None
    assert proves[0] < evidence.GATE <= proves[1]


def test_a_look_passes_with_few_errors() -> None:
    assert [most_wrong(size) for size in evidence.LOOKS] == [0, 3, 6, 10]
    assert look(100, 0).passed
    assert not look(100, 1).passed


@pytest.mark.parametrize(("right", "reviewed"), [(-1, 5), (6, 5)])
def test_what_is_no_proportion_is_refused(right: int, reviewed: int) -> None:
    with pytest.raises(ValueError, match="is not a proportion"):
        exact_lower_bound(right, reviewed)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_enclose_the_rate_and_mirror_each_other(given_counts: tuple[int, int]) -> None:
    right, reviewed = given_counts
    low, high = exact_lower_bound(right, reviewed), exact_upper_bound(right, reviewed)
    assert low is not None
    assert high is not None
    assert 0 <= low <= right / reviewed <= high <= 1
    mirrored = exact_upper_bound(reviewed - right, reviewed)
    assert mirrored is not None
    assert low == pytest.approx(1 - mirrored)
