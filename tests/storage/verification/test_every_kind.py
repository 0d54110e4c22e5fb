"""Everything that can be wrong is found once, and nothing where nothing is wrong."""

import json

import pytest

from ncfd_site.core import sql
from storage.models import StorageObject
from storage.verification import Check, Finding, Kind
from tests import factories
from tests.storage.verification.looking import checked
from tests.storage.verification.prepared import documents_of, everything_wrong, right_content
from tests.storage.verification.site import (
    Site,
    age_reference,
    command,
    keep,
    make_document_of,
    refer,
)

pytestmark = pytest.mark.django_db


def test_nothing_is_found_where_nothing_is_wrong(site: Site) -> None:
    right_content()
    found, summary = checked(young_minutes=0)
    assert found == []
    assert summary.is_complete
    assert {name: one.looked_at for name, one in summary.checks.items()} == {
        "counts": 9,
        "owners": 4 + 1 + 1,
        "bytes": 9,
        "hashes": 9,
        # The bytes of what was deleted are there until its tombstone is due.
        "orphans": 9 + 1 + 1,
    }
    assert summary.checks["owners"].young == 1


def test_everything_that_is_wrong_is_found_once(site: Site) -> None:
    right_content()
    about = everything_wrong(site)
    found, summary = checked()
    assert {one.kind: one.object_id or one.address for one in found} == about
    assert len(found) == len(Kind)
    assert summary.kinds == {kind.value: 1 for kind in Kind}
    assert summary.findings == len(Kind) - 1
    assert sum(one.notes for one in summary.checks.values()) == 1


def test_a_site_without_content_is_clean_without_a_folder(site: Site) -> None:
    site.root.rmdir()
    ended = command("storage_verify")
    assert (ended.code, ended.lines[-1]) == (0, "Nothing is wrong.")


def test_a_person_reads_what_is_wrong(site: Site) -> None:
    right_content()
    about = everything_wrong(site)
    ended = command("storage_verify")
    contents = {one.pk: f"({one.sha256[:12]}, {one.backend_type})" for one in StorageObject.objects.all()}
    names = {kind: f"Object {key} {contents[key]}" for kind, key in about.items() if isinstance(key, int)}
    (uncounted,) = documents_of(about[Kind.REFERENCE_MISSING])
    assert f"count: {names[Kind.COUNT]} has 0 references, and its count says 5." in ended.lines
    assert (
        f"owner missing: {names[Kind.OWNER_MISSING]} is referred to by document 515151, which does not exist; the "
        "reference was made 2 days ago."
    ) in ended.lines
    assert (
        f"reference missing: Document {uncounted.pk} points to object {names[Kind.REFERENCE_MISSING][7:]}, which has "
        "no reference of it."
    ) in ended.lines
    assert f"size: {names[Kind.SIZE]} has 15 bytes, and its row says 99." in ended.lines
    assert (
        f"size not told: {names[Kind.SIZE_UNTOLD]} has 8 bytes, and its row was not told yet how many." in ended.lines
    )
    assert (
        f"address: {names[Kind.ADDRESS]} lies at 'file:///tmp/foreign', which is no address of a content store."
    ) in ended.lines
    assert (
        f"orphan: 6 bytes lie at {about[Kind.ORPHAN]} since 3 hours, and no row, document or tombstone names them."
    ) in ended.lines
    assert (
        f"tombstone overdue: The bytes at s3://{'a' * 64} were to be deleted 3 days ago: storage_gc does not run."
    ) in ended.lines
    assert (
        "abandoned file: The file incoming/tmpkilled in the folder CONTENT_ROOT was begun 2 days ago and never "
        "finished."
    ) in ended.lines
    assert "             looked at         wrong         noted         young   not checked" in ended.lines
    assert ended.code == 3
    assert ended.said.startswith("12 things are wrong (1 abandoned file, 1 address, 1 count, 1 damaged, 1 document")
    assert ended.said.endswith("): storage_repair says what can be mended.")


def test_json_is_a_line_for_each_finding_and_then_the_summary(site: Site) -> None:
    about = everything_wrong(site)
    ended = command("storage_verify", "--json")
    *findings, summary = map(json.loads, ended.lines)
    assert {one["kind"] for one in findings} == {kind.value for kind in about}
    assert all(Finding.from_json(one).as_json() == one for one in findings)
    assert summary["summary"]["checks"]["counts"] == {
        "looked_at": StorageObject.objects.count(),
        "findings": 1,
        "notes": 0,
        "young": 0,
        "unchecked": 0,
    }
    assert ended.code == 3


def test_only_what_is_asked_for_is_checked(site: Site) -> None:
    about = everything_wrong(site)
    found, summary = checked(Check.COUNTS, Check.ORPHANS)
    assert {one.kind for one in found} == {Kind.COUNT, Kind.ORPHAN, Kind.OVERDUE, Kind.ABANDONED}
    assert list(summary.checks) == ["counts", "orphans"]
    assert [one.object_id for one in checked(Check.COUNTS)[0]] == [about[Kind.COUNT]]


def test_a_size_that_was_not_told_is_nothing_wrong(site: Site) -> None:
    keep(b"not told", size_bytes=0)
    ended = command("storage_verify")
    assert ended.code == 0
    assert ended.lines[0].startswith("size not told: ")
    assert ended.lines[-1] == "Nothing is wrong."


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tier": "s3"}, "has the tier s3, and lies at local://"),
        ({"storage_uri": f"local://{'b' * 64}"}, "which is the address of other content"),
        ({"storage_uri": f"local://{'B' * 64}"}, "which is no address of a content store"),
        ({"storage_uri": ""}, "lies at '', which is no address of a content store"),
    ],
)
def test_an_address_that_is_not_that_of_the_content_is_told(site: Site, fields: dict[str, str], words: str) -> None:
    keep(b"content", **fields)
    found, _ = checked()
    assert [one.kind for one in found] == [Kind.ADDRESS]
    assert words in found[0].sentence


def test_a_hash_in_capital_letters_is_the_same_hash(site: Site) -> None:
    content = keep(b"capital")
    sql.execute("UPDATE storage_objects SET sha256 = upper(sha256) WHERE object_id = %s", [content.pk])
    make_document_of(StorageObject.objects.get(), sha256=content.sha256)
    assert checked(young_minutes=0)[0] == []


def test_a_link_in_the_place_of_content_is_told(site: Site) -> None:
    content = keep(b"linked")
    path = site.root / content.sha256[:2] / content.sha256
    path.rename(site.root / "kept")
    path.symlink_to(site.root / "kept")
    found, _ = checked()
    assert [one.kind for one in found] == [Kind.ADDRESS]
    assert "a link stands there" in found[0].sentence


def test_the_patience_with_owners_is_an_hour(site: Site) -> None:
    content = keep(b"early")
    for key in (1, 2, 3):
        refer(content, "study", key)
    age_reference("study", 1, minutes=59)
    age_reference("study", 2, minutes=61)
    refer(content, "pipeline run", 7)
    age_reference("pipeline run", 7, days=900)
    (finding,) = checked(Check.OWNERS)[0]
    assert (finding.kind, finding.owner) == (Kind.OWNER_MISSING, "study 2")
    assert "the reference was made 61 minutes ago" in finding.sentence


def test_a_study_without_a_reference_is_told(site: Site) -> None:
    content = keep(b"of a study")
    study = factories.make_study(object=content)
    (finding,) = checked(Check.OWNERS)[0]
    assert (finding.kind, finding.owner, finding.object_id) == (
        Kind.REFERENCE_MISSING,
        f"study {study.pk}",
        content.pk,
    )


def test_young_bytes_without_a_row_are_only_counted(site: Site) -> None:
    site.harnesses["local"].store.put(b"coming")
    site.harnesses["s3"].store.put(b"coming")
    found, summary = checked()
    assert found == []
    assert summary.checks["orphans"].young == 2
    assert [one.backend_type for one in checked(young_minutes=0)[0]] == ["local", "s3"]


def test_bytes_that_only_a_document_names_are_nobodys_orphan(site: Site) -> None:
    stored = site.harnesses["local"].store.put(b"of a document alone")
    factories.make_document(sha256=stored.sha256, storage_uri=stored.uri)
    assert checked(young_minutes=0)[0] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "count"], "'count' names no checks: write some of counts,owners,bytes,hashes,orphans"),
        (["--sample", "0%"], "'0%' is no share"),
        (["--sample", "120%"], "'120%' is no share"),
        (["--sample", "some"], "'some' is no share"),
        (["--young", "-1"], "'-1'"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], words: str) -> None:
    assert words in command("storage_verify", *arguments).said
