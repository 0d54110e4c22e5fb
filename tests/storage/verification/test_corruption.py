"""Corruption is reported for the affected objects only, on every backend."""

import os
from collections.abc import Callable

import pytest

from storage.content.base import CHUNK
from storage.models import StorageObject
from storage.verification import Check, FindingKind
from tests.storage.verification.runs import list_kinds, run_verification
from tests.storage.verification.site import Site, store_object

pytestmark = pytest.mark.django_db

CORRUPTIONS: dict[str, tuple[Callable[[bytes], bytes], list[FindingKind]]] = {
    "flipped bit": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), [FindingKind.CORRUPT]),
    "truncated": (lambda data: data[:-1], [FindingKind.SIZE, FindingKind.CORRUPT]),
    "truncated at a chunk": (lambda data: data[:CHUNK], [FindingKind.SIZE, FindingKind.CORRUPT]),
    "empty": (lambda data: b"", [FindingKind.SIZE, FindingKind.CORRUPT]),
}
backends = pytest.mark.parametrize("backend", ["local", "s3"])


def store_many(backend: str) -> list[tuple[StorageObject, bytes]]:
    data = [os.urandom(CHUNK + 50 + number) for number in range(12)]
    return [(store_object(one, backend), one) for one in data]


@backends
@pytest.mark.parametrize(("corrupt", "expected"), CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_only_corrupt_objects_are_reported(
    site: Site, backend: str, corrupt: Callable[[bytes], bytes], expected: list[FindingKind]
) -> None:
    stored = store_many(backend)
    affected = [stored[3], stored[7]]
    for row, data in affected:
        site.overwrite(row, corrupt(data))
    found, summary = run_verification()
    assert list_kinds(found) == [(kind, row.pk) for kind in expected for row, _ in affected]
    assert summary.is_complete
    assert summary.checks["presence"].checked_count == summary.checks["hashes"].checked_count == 12


@backends
@pytest.mark.parametrize("only", [(), (Check.PRESENCE,), (Check.HASHES,)])
def test_missing_data_is_reported_once(site: Site, backend: str, only: tuple[Check, ...]) -> None:
    stored = store_many(backend)
    missing = stored[5][0]
    site.remove(missing)
    (finding,) = run_verification(*only)[0]
    assert (finding.kind, finding.object_id, finding.location) == (FindingKind.MISSING, missing.pk, missing.storage_uri)
    assert finding.message == (
        f"Object {missing.pk} ({missing.sha256[:12]}, {backend}) has no data at {missing.storage_uri}."
    )


def test_corruption_is_reported_with_the_actual_hash(site: Site) -> None:
    row, data = store_many("local")[0]
    site.overwrite(row, data[::-1])
    (finding,) = run_verification(Check.HASHES)[0]
    assert finding.expected == row.sha256
    assert isinstance(finding.actual, str)
    assert f"has the hash {finding.actual}." in finding.message


def test_moved_object_is_read_at_its_current_uri(site: Site) -> None:
    moved = store_object(b"moved", "s3", backend_type="local")
    assert moved.storage_uri.startswith("s3://")
    assert run_verification()[0] == []
    site.remove(moved)
    assert list_kinds(run_verification()[0]) == [(FindingKind.MISSING, moved.pk)]


def test_equal_seeds_select_equal_samples(site: Site) -> None:
    rows = [store_object(b"object %d" % number) for number in range(60)]
    for row in rows:
        site.remove(row)
    half = run_verification(sample=0.5, seed=7)
    assert 10 < len(half[0]) < 50
    assert half[1].checks["presence"].checked_count == len(half[0])
    assert list_kinds(run_verification(sample=0.5, seed=7)[0]) == list_kinds(half[0])
    assert list_kinds(run_verification(sample=0.5, seed=8)[0]) != list_kinds(half[0])
    assert len(run_verification(sample=1.0, seed=7)[0]) == 60
    # Counts and referrers are not sampled.
    assert half[1].checks["counts"].checked_count == 60
