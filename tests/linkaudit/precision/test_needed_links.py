"""The number of further correct slots that a sample needs is exact for all outcomes so far."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from linkaudit.models import ReviewSample
from linkaudit.precision.reports import SampleEvidence, assess_samples, list_analyses
from linkaudit.sampling.interim_analysis import analyze, find_max_errors
from linkaudit.sampling.queries import SIZES, SampleOutcomes, SampleProgress

PART = SIZES[0]
# Right, wrong and deleted slots in each part between two analyses; the rest of the part is open.
PARTS = st.lists(
    st.tuples(st.integers(0, PART), st.integers(0, 4), st.integers(0, 2)).map(
        lambda counts: (min(counts[0], PART - counts[1] - counts[2]), *counts[1:])
    ),
    min_size=len(SIZES),
    max_size=len(SIZES),
)


def evidence(parts: list[tuple[int, int, int]]) -> SampleEvidence:
    outcomes = SampleOutcomes()
    for number, (right, wrong, deleted) in enumerate(parts):
        outcomes.parts[number] = Counter(right=right, wrong=wrong, deleted=deleted, open=PART - right - wrong - deleted)
    return assess_samples(
        [SampleProgress(ReviewSample(sample_id=1, size=SIZES[-1], purpose="precision"), outcomes, {})]
    )


@given(PARTS)
def test_analysis_passes_with_the_needed_slots(parts: list[tuple[int, int, int]]) -> None:
    found = evidence(parts)
    errors = [sum(wrong + deleted for _, wrong, deleted in parts[: index + 1]) for index in range(len(SIZES))]
    resolved = [sum(map(sum, parts[: index + 1])) for index in range(len(SIZES))]
    can_pass = [size for size, wrong in zip(SIZES, errors, strict=True) if wrong <= find_max_errors(size)]
    if not can_pass:
        assert found.needed is None
        assert "no remaining analysis can pass" in found.summary
        return
    index = SIZES.index(can_pass[0])
    assert found.needed == SIZES[index] - resolved[index]
    assert analyze(SIZES[index], errors[index]).passed
    assert not any(analyze(size, wrong).passed for size, wrong in zip(SIZES[:index], errors, strict=False))


@given(PARTS)
def test_analyses_add_up(parts: list[tuple[int, int, int]]) -> None:
    progress = evidence(parts).progress
    assert progress is not None
    rows = list_analyses(progress)
    assert [row.size for row in rows] == list(SIZES)
    assert rows[-1].resolved == progress.outcomes.resolved == sum(map(sum, parts))
    assert progress.outcomes.resolved + progress.outcomes.unresolved == SIZES[-1]
    assert all(before.error_count <= after.error_count for before, after in pairwise(rows))
