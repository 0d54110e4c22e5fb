"""Batches hold every record once, in order, within their limits, and no key twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ncfd_site.ingest.batches import split_batches
from ncfd_site.ingest.records import Record, SourceLocation

SIZE, WEIGHT = 4, 100
items = st.lists(
    st.builds(Record, place=st.just(SourceLocation("file", 1)), value=st.integers(0, 9), size=st.integers(0, 150)),
    max_size=40,
)


@given(items)
def test_batches_are_the_records_within_limits(records: list[Record[int]]) -> None:
    batches = list(split_batches(records, lambda value: value, SIZE, WEIGHT))
    assert [item for batch in batches for item in batch] == records
    for batch in batches:
        assert 0 < len(batch) <= SIZE
        assert len({item.value for item in batch}) == len(batch)
        assert len(batch) == 1 or sum(item.size for item in batch) <= WEIGHT
    for one, following in pairwise(batches):
        first = following[0]
        full = len(one) == SIZE or sum(item.size for item in one) + first.size > WEIGHT
        assert full or first.value in {item.value for item in one}
