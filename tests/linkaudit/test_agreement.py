"""Agreement of two reviewers, with worked numbers from the literature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkaudit.adjudication.queries import Agreement

counts = st.integers(0, 500)


def test_high_prevalence_depresses_kappa_and_not_ac1() -> None:
    found = Agreement("HP-1", 85, 4, 6, 5)
    assert found.raw == pytest.approx(0.90)
    assert found.kappa == pytest.approx(0.445, abs=5e-4)
    assert found.ac1 == pytest.approx(0.878, abs=5e-4)
    assert found.negative == pytest.approx(0.5)


def test_without_pairs_agreement_is_unknown() -> None:
    found = Agreement("HP-1", 0, 0, 0, 0)
    assert (found.pairs, found.raw, found.kappa, found.ac1, found.negative) == (0, None, None, None, None)


def test_kappa_is_undefined_without_negatives() -> None:
    found = Agreement("HP-1", 50, 0, 0, 0)
    assert found.kappa is None
    assert found.ac1 == 1
    assert found.negative is None


@given(counts, counts, counts, counts)
def test_coefficients_are_in_range_and_symmetric(a: int, b: int, c: int, d: int) -> None:
    found, swapped = Agreement("HP-1", a, b, c, d), Agreement("HP-1", a, c, b, d)
    for name in ("raw", "kappa", "ac1", "negative"):
        value, other = getattr(found, name), getattr(swapped, name)
        assert (value is None) == (other is None)
        if value is not None:
            assert -1 - 1e-9 <= value <= 1 + 1e-9
            assert value == pytest.approx(other)


@given(counts, counts)
def test_perfect_agreement_is_one(right: int, wrong: int) -> None:
    found = Agreement("HP-1", right, 0, 0, wrong)
    for value in (found.raw, found.kappa, found.ac1, found.negative):
        assert value is None or value == pytest.approx(1)
