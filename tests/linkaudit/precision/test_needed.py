"""How many more places without a mistake a sample needs: exactly so many, whatever was said before."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from linkaudit.evidence import LOOKS, look, most_wrong
from linkaudit.models import ReviewSample
from linkaudit.precision.verdicts import Evidence, evidence_of, look_lines
from linkaudit.sampling.outcomes import SampleOutcomes
from linkaudit.sampling.queries import SampleProgress

PART = LOOKS[0]
# Right, wrong and gone places in each part between two looks; the rest of the part is open.
PARTS = st.lists(
    st.tuples(st.integers(0, PART), st.integers(0, 4), st.integers(0, 2)).map(
        lambda counts: (min(counts[0], PART - counts[1] - counts[2]), *counts[1:])
    ),
    min_size=len(LOOKS),
    max_size=len(LOOKS),
)


def evidence(parts: list[tuple[int, int, int]]) -> Evidence:
    places = SampleOutcomes()
    for number, (right, wrong, deleted) in enumerate(parts):
        places.parts[number] = Counter(right=right, wrong=wrong, deleted=deleted, open=PART - right - wrong - deleted)
    return evidence_of([SampleProgress(ReviewSample(sample_id=1, size=LOOKS[-1], purpose="precision"), places, {})])


@given(PARTS)
def test_with_so_many_right_ones_more_a_look_passes(parts: list[tuple[int, int, int]]) -> None:
    found = evidence(parts)
    mistakes = [sum(wrong + deleted for _, wrong, deleted in parts[: index + 1]) for index in range(len(LOOKS))]
    resolved = [sum(map(sum, parts[: index + 1])) for index in range(len(LOOKS))]
    can_pass = [size for size, wrong in zip(LOOKS, mistakes, strict=True) if wrong <= most_wrong(size)]
    if not can_pass:
        assert found.needed is None
        assert "too many for a look" in found.words
        return
    index = LOOKS.index(can_pass[0])
    assert found.needed == LOOKS[index] - resolved[index]
    assert look(LOOKS[index], mistakes[index]).passed
    assert not any(look(size, wrong).passed for size, wrong in zip(LOOKS[:index], mistakes, strict=False))


@given(PARTS)
def test_the_lines_add_up(parts: list[tuple[int, int, int]]) -> None:
    progress = evidence(parts).progress
    assert progress is not None
    lines = look_lines(progress)
    assert [line.size for line in lines] == list(LOOKS)
    assert lines[-1].resolved == progress.outcomes.resolved == sum(map(sum, parts))
    assert progress.outcomes.places == LOOKS[-1]
    assert all(before.mistakes <= after.mistakes for before, after in pairwise(lines))
