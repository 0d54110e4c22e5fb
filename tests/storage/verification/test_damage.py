"""Damage is told of exactly the content that has it, on every backend."""

import os
from collections.abc import Callable

import pytest

from storage.content import CHUNK
from storage.models import StorageObject
from storage.verification import Check, Kind
from tests.storage.verification.looking import checked, kinds
from tests.storage.verification.site import Site, keep

pytestmark = pytest.mark.django_db

DAMAGES: dict[str, tuple[Callable[[bytes], bytes], list[Kind]]] = {
    "a bit is flipped": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), [Kind.DAMAGED]),
    "cut short": (lambda data: data[:-1], [Kind.SIZE, Kind.DAMAGED]),
    "cut at a piece": (lambda data: data[:CHUNK], [Kind.SIZE, Kind.DAMAGED]),
    "no bytes at all": (lambda data: b"", [Kind.SIZE, Kind.DAMAGED]),
}
backends = pytest.mark.parametrize("backend", ["local", "s3"])


def many(backend: str) -> list[tuple[StorageObject, bytes]]:
    contents = [os.urandom(CHUNK + 50 + number) for number in range(12)]
    return [(keep(data, backend), data) for data in contents]


@backends
@pytest.mark.parametrize(("damage", "expected"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_of_exactly_the_content_that_has_it(
    site: Site, backend: str, damage: Callable[[bytes], bytes], expected: list[Kind]
) -> None:
    stored = many(backend)
    harmed = [stored[3], stored[7]]
    for content, data in harmed:
        site.overwrite(content, damage(data))
    found, summary = checked()
    assert kinds(found) == [(kind, content.pk) for kind in expected for content, _ in harmed]
    assert summary.is_complete
    assert summary.checks["bytes"].looked_at == summary.checks["hashes"].looked_at == 12


@backends
@pytest.mark.parametrize("only", [(), (Check.BYTES,), (Check.HASHES,)])
def test_a_deleted_key_is_missing_and_is_told_once(site: Site, backend: str, only: tuple[Check, ...]) -> None:
    stored = many(backend)
    gone = stored[5][0]
    site.remove(gone)
    (finding,) = checked(*only)[0]
    assert (finding.kind, finding.object_id, finding.address) == (Kind.MISSING, gone.pk, gone.storage_uri)
    assert finding.sentence == (
        f"Object {gone.pk} ({gone.sha256[:12]}, {backend}) lies at {gone.storage_uri}, and nothing is there."
    )


def test_other_bytes_are_told_with_their_hash(site: Site) -> None:
    content, data = many("local")[0]
    site.overwrite(content, data[::-1])
    (finding,) = checked(Check.HASHES)[0]
    assert finding.expected == content.sha256
    assert isinstance(finding.found, str)
    assert f"have the hash {finding.found}." in finding.sentence


def test_content_that_moved_is_looked_for_where_its_row_says(site: Site) -> None:
    moved = keep(b"moved", "s3", backend_type="local")
    assert moved.storage_uri.startswith("s3://")
    assert checked()[0] == []
    site.remove(moved)
    assert kinds(checked()[0]) == [(Kind.MISSING, moved.pk)]


def test_a_sample_is_the_same_for_the_same_seed(site: Site) -> None:
    contents = [keep(b"content %d" % number) for number in range(60)]
    for content in contents:
        site.remove(content)
    half = checked(sample=0.5, seed=7)
    assert 10 < len(half[0]) < 50
    assert half[1].checks["bytes"].looked_at == len(half[0])
    assert kinds(checked(sample=0.5, seed=7)[0]) == kinds(half[0])
    assert kinds(checked(sample=0.5, seed=8)[0]) != kinds(half[0])
    assert len(checked(sample=1.0, seed=7)[0]) == 60
    # Counts and owners are looked at in full.
    assert half[1].checks["counts"].looked_at == 60
