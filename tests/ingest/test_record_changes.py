"""Differences between versions of a record."""

import copy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ncfd_site.ingest.json_records import canonical_json, hash_json
from signals.loading.changes import ABSENT, FieldChange, diff_records, strip_derived_fields
from tests.ingest.studies import study

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def applied(before: Any, found: list[FieldChange]) -> Any:
    record = copy.deepcopy(before)
    for change in found:
        parent = record
        for name in change.path[:-1]:
            parent = parent[name]
        if change.after is ABSENT:
            del parent[change.path[-1]]
        else:
            parent[change.path[-1]] = change.after
    return record


@given(records)
def test_record_equals_itself(record: Any) -> None:
    assert diff_records(record, copy.deepcopy(record)) == []


@given(records, records)
def test_records_differ_if_their_canonical_json_differs(before: Any, after: Any) -> None:
    assert (diff_records(before, after) == []) == (canonical_json(before) == canonical_json(after))


@given(records, records)
def test_changes_transform_one_record_into_the_other(before: Any, after: Any) -> None:
    assert canonical_json(applied(before, diff_records(before, after))) == canonical_json(after)


@given(records, records)
def test_reverse_diff_is_the_mirror_image(before: Any, after: Any) -> None:
    there = [(change.path, change.before, change.after) for change in diff_records(before, after)]
    back = [(change.path, change.after, change.before) for change in diff_records(after, before)]
    assert there == back


@given(records, st.sampled_from("abcd"), values)
def test_one_changed_field_is_one_change(record: Any, name: str, value: Any) -> None:
    assume(not isinstance(value, dict) and (name not in record or diff_records(record, {**record, name: value})))
    (found,) = diff_records(record, {**record, name: value})
    assert found.path == (name,)
    assert found.before == record.get(name, ABSENT)


@given(records, st.dictionaries(st.sampled_from(["_shape", "_provenance"]), values))
def test_underscored_keys_do_not_count(record: Any, own: Any) -> None:
    assert hash_json(strip_derived_fields({**record, **own, "inner": [own]})) == hash_json(
        strip_derived_fields({**record, "inner": [{}]})
    )


def test_derived_section_does_not_count() -> None:
    derived = {"derivedSection": {"miscInfoModule": {"versionHolder": "2026-01-01"}}}
    assert hash_json(strip_derived_fields({**study(), **derived})) == hash_json(strip_derived_fields(study()))


def test_results_and_nested_derived_names_count() -> None:
    assert hash_json(strip_derived_fields({**study(), "hasResults": True})) != hash_json(strip_derived_fields(study()))
    assert strip_derived_fields({"a": {"derivedSection": 1}}) == {"a": {"derivedSection": 1}}


def test_order_of_keys_does_not_count() -> None:
    record = study()
    turned = {name: dict(reversed(inner.items())) for name, inner in record.items()}
    assert hash_json(turned) == hash_json(record)


def test_change_as_json_has_field_before_and_after() -> None:
    before = {"p": {"status": "RECRUITING", "gone": None, "list": [1, 2]}}
    after = {"p": {"status": "COMPLETED", "new": None, "list": [2, 1]}}
    assert [change.as_json() for change in diff_records(before, after)] == [
        {"field": "p.gone", "before": None},
        {"field": "p.list", "before": [1, 2], "after": [2, 1]},
        {"field": "p.new", "after": None},
        {"field": "p.status", "before": "RECRUITING", "after": "COMPLETED"},
    ]


def test_one_differs_from_true_and_equals_one_point_zero() -> None:
    assert diff_records({"a": 1}, {"a": True}) != []
    assert diff_records({"a": [0]}, {"a": [False]}) != []
    assert diff_records({"a": [1, {"b": 2}]}, {"a": [1.0, {"b": 2.0}]}) == []
