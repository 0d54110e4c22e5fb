"""Repairs are made and recorded; other findings are listed with the manual action."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from ncfd_site.config.errors import ExitCode
from ncfd_site.core import sql
from storage.models import Document, StorageEvent, StorageObject, StorageReference, StorageTombstone
from storage.verification import Check, FindingKind
from tests import factories
from tests.storage.verification.runs import run_verification
from tests.storage.verification.scenarios import create_all_errors, create_valid_objects, list_documents
from tests.storage.verification.site import (
    Site,
    add_reference,
    age_reference,
    create_document,
    run_command,
    store_object,
    triggers_disabled,
)

pytestmark = pytest.mark.django_db


def get_object_uri(document: Document) -> str:
    assert document.object is not None
    return document.object.storage_uri


def list_events() -> list[tuple[str, int | None, dict[str, Any]]]:
    return [(one.action, one.object_id, one.detail) for one in StorageEvent.objects.order_by("pk")]


def test_all_repairs_are_made_and_manual_actions_listed(site: Site) -> None:
    create_valid_objects()
    subjects = create_all_errors(site)
    # An intact copy of the corrupt object, and none of the missing one.
    site.harnesses["local"].store.put(b"corrupt")
    (unreferenced,) = list_documents(subjects[FindingKind.MISSING_REFERENCE])
    (other_uri,) = list_documents(subjects[FindingKind.DOCUMENT_URI])
    (other_hash,) = list_documents(subjects[FindingKind.DOCUMENT_HASH])
    (lost,) = list_documents(subjects[FindingKind.MISSING])
    rows = {kind: StorageObject.objects.get(pk=key) for kind, key in subjects.items() if isinstance(key, int)}
    names = {kind: f"Object {one.pk} ({one.sha256[:12]}, {one.backend_type})" for kind, one in rows.items()}
    result = run_command("storage_repair", "--yes", "--actor", "olga")
    corrupt, missing = rows[FindingKind.CORRUPT], rows[FindingKind.MISSING]
    assert sorted(line for line in result.lines if line.startswith("repair: ")) == sorted(
        [
            f"repair: {names[FindingKind.COUNT]}: change the refcount from 5 to 0.",
            f"repair: {names[FindingKind.MISSING_REFERENCE]}: add the reference from document {unreferenced.pk}.",
            (
                f"repair: Document {other_uri.pk}: change the URI from https://example.org/old to "
                f"{get_object_uri(other_uri)}."
            ),
            f"repair: {names[FindingKind.SIZE]}: change the size from 99 to 15.",
            f"repair: {names[FindingKind.UNKNOWN_SIZE]}: change the size from 0 to 8.",
            (
                f"repair: {names[FindingKind.CORRUPT]}: the data at {corrupt.storage_uri} is corrupt: restore it from "
                f"local://{corrupt.sha256} (7 bytes)."
            ),
            (
                f"repair: Data at {subjects[FindingKind.ORPHAN]}: add a tombstone. storage_gc deletes the data after 7 "
                "days unless a row references it."
            ),
            "repair: Delete the abandoned upload incoming/tmpkilled (10 bytes).",
        ]
    )
    assert [line for line in result.lines if line.startswith("manual: ")] == [
        (
            f"manual: {names[FindingKind.MISSING_REFERRER]} has a reference from document 515151, which does not "
            "exist. The reference is 2 days old. If its row will not be loaded, release the reference."
        ),
        (
            f"manual: Document {other_hash.pk} has the hash {'0' * 64}, but its object "
            f"{rows[FindingKind.DOCUMENT_HASH].pk} has {rows[FindingKind.DOCUMENT_HASH].sha256}. Find out which object "
            "is right, and correct the document."
        ),
        (
            f"manual: {names[FindingKind.MISSING]}: the data at {missing.storage_uri} is missing, and no other store "
            f"has a copy. Fetch again: document {lost.pk} (https://example.org/lost)."
        ),
        (
            f"manual: {names[FindingKind.URI]} has the URI 'file:///tmp/foreign' and the tier local. Find its data, "
            "put it into a store of this site, and correct the row."
        ),
        (
            f"manual: The data at s3://{'a' * 64} was due for deletion 3 days ago. Run storage_gc --delete, and "
            "schedule it daily."
        ),
    ]
    assert result.lines[-1] == "Made 8 of 8 repairs."
    assert (result.code, result.error) == (ExitCode.REFUSED, "5 manual actions required, listed above.")

    assert site.harnesses["s3"].store.read(corrupt.storage_uri) == b"corrupt"
    assert {one.kind for one in run_verification()[0]} == {
        FindingKind.MISSING_REFERRER,
        FindingKind.DOCUMENT_HASH,
        FindingKind.MISSING,
        FindingKind.URI,
        FindingKind.OVERDUE,
    }
    again = run_command("storage_repair", "--yes")
    assert [line for line in again.lines if not line.startswith("manual: ")] == []
    assert again.code == ExitCode.REFUSED


def test_each_repair_is_recorded(site: Site) -> None:
    subjects = create_all_errors(site)
    site.harnesses["local"].store.put(b"corrupt")
    (unreferenced,) = list_documents(subjects[FindingKind.MISSING_REFERENCE])
    (other_uri,) = list_documents(subjects[FindingKind.DOCUMENT_URI])
    before = timezone.now()
    run_command("storage_repair", "--yes", "--actor", "olga")
    tombstone = StorageTombstone.objects.get(storage_uri=subjects[FindingKind.ORPHAN])
    corrupt = StorageObject.objects.get(sha256=hashlib.sha256(b"corrupt").hexdigest())
    assert list_events() == [
        ("count_corrected", subjects[FindingKind.COUNT], {"was": 5, "is": 0}),
        (
            "repaired",
            subjects[FindingKind.MISSING_REFERENCE],
            {"reference_type": "document", "reference_id": unreferenced.pk, "refcount": 1},
        ),
        (
            "repaired",
            subjects[FindingKind.DOCUMENT_URI],
            {
                "what": f"URI of document {other_uri.pk}",
                "was": "https://example.org/old",
                "is": get_object_uri(other_uri),
            },
        ),
        ("repaired", subjects[FindingKind.SIZE], {"what": "size_bytes", "was": 99, "is": 15}),
        ("repaired", subjects[FindingKind.UNKNOWN_SIZE], {"what": "size_bytes", "was": 0, "is": 8}),
        (
            "repaired",
            subjects[FindingKind.CORRUPT],
            {"what": "data", "was": "corrupt", "is": f"restored from local://{corrupt.sha256}"},
        ),
        (
            "repaired",
            None,
            {
                "what": "tombstone",
                "storage_uri": subjects[FindingKind.ORPHAN],
                "was": "no tombstone",
                "is": f"retained until {tombstone.delete_after:%Y-%m-%d %H:%M} UTC",
            },
        ),
        ("repaired", None, {"what": "incoming/tmpkilled", "was": "10 bytes", "is": "deleted"}),
    ]
    assert {one.actor for one in StorageEvent.objects.all()} == {"olga"}
    corrected = StorageEvent.objects.get(action="count_corrected")
    assert corrected.reason is not None
    assert corrected.reason.endswith("has 0 references, but its refcount is 5.")
    assert (tombstone.reason, tombstone.actor) == ("orphaned", "olga")
    assert 6.99 < (tombstone.delete_after - before).total_seconds() / 86400 < 7.01
    assert StorageReference.objects.filter(referenced_id=unreferenced.pk).count() == 1
    # The orphan is kept until garbage collection.
    assert site.harnesses["local"].store.read(str(subjects[FindingKind.ORPHAN])) == b"orphan"


@pytest.mark.parametrize("backend", ["local", "s3"])
@pytest.mark.parametrize("problem", ["missing", "corrupt", "truncated"])
def test_data_is_restored_from_the_other_store(site: Site, backend: str, problem: str) -> None:
    other = {"local": "s3", "s3": "local"}[backend]
    row = store_object(b"the bytes", backend)
    add_reference(row, "note", 1)
    site.harnesses[other].store.put(b"the bytes")
    if problem == "missing":
        site.remove(row)
    else:
        site.overwrite(row, b"The bytes" if problem == "corrupt" else b"the")
    result = run_command("storage_repair", "--yes", "--only", "presence,hashes")
    assert (result.code, result.lines[-1]) == (0, "Made 1 of 1 repair.")
    assert site.harnesses[backend].store.read(row.storage_uri) == b"the bytes"
    assert run_verification(Check.PRESENCE, Check.HASHES)[0] == []
    assert run_command("storage_repair", "--yes", "--only", "presence,hashes").lines == ["Nothing to repair."]


@pytest.mark.parametrize("copy", [None, b"The Bytes"])
def test_corrupt_data_without_an_intact_copy_is_kept(site: Site, copy: bytes | None) -> None:
    row = store_object(b"the bytes")
    documents = [create_document(row, source_url=f"https://example.org/{number}") for number in range(7)]
    site.overwrite(row, b"the bytez")
    if copy:
        site.harnesses["s3"].overwrite(row.sha256, copy)
    result = run_command("storage_repair", "--yes", "--only", "hashes")
    assert result.code == 5
    names = ", ".join(f"document {one.pk} ({one.source_url})" for one in documents[:5])
    assert result.lines == [
        (
            f"manual: Object {row.pk} ({row.sha256[:12]}, local): the data at {row.storage_uri} is corrupt, and no "
            f"other store has a copy. Fetch again: {names} and 2 more."
        )
    ]
    assert (site.root / row.sha256[:2] / row.sha256).read_bytes() == b"the bytez"
    assert list_events() == []


def test_size_of_corrupt_data_is_not_recorded(site: Site) -> None:
    row = store_object(b"the bytes")
    site.overwrite(row, b"the")
    assert run_command("storage_repair", "--yes", "--only", "presence").code == 5
    assert StorageObject.objects.get().size_bytes == 9


def test_document_keeps_the_uri_of_the_only_intact_copy(site: Site) -> None:
    row = store_object(b"the bytes")
    document = create_document(row, storage_uri=f"s3://{row.sha256}")
    site.harnesses["s3"].store.put(b"the bytes")
    site.remove(row)
    result = run_command("storage_repair", "--yes", "--only", "referrers")
    assert result.code == 5
    assert "where the data is not intact. Repair the data, then run storage_repair again." in result.out
    assert Document.objects.get(pk=document.pk).storage_uri == f"s3://{row.sha256}"
    # The data is repaired first.
    run_command("storage_repair", "--yes")
    assert run_command("storage_repair", "--yes", "--min-age", "0").code == 0
    assert Document.objects.get(pk=document.pk).storage_uri == row.storage_uri
    assert run_verification()[0] == []


def test_study_gets_its_reference(site: Site) -> None:
    row = store_object(b"of a study")
    study = factories.make_study(object=row)
    assert run_command("storage_repair", "--yes").code == 0
    row.refresh_from_db()
    assert row.refcount == 1
    assert StorageReference.objects.get().referenced_id == study.pk


def test_unavailable_store_changes_nothing(site: Site, settings: Any) -> None:
    remote = store_object(b"far", "s3")
    corrupt = store_object(b"corrupt")
    site.overwrite(corrupt, b"Corrupt")
    settings.CONTENT_S3_ENDPOINT = "http://127.0.0.1:9"
    result = run_command("storage_repair", "--yes", "--only", "presence,hashes")
    assert result.code == 7
    assert result.error.startswith("Some checks were skipped. The S3 content store cannot be reached")
    assert result.lines == []
    assert StorageObject.objects.filter(pk__in=[remote.pk, corrupt.pk]).count() == 2
    assert (site.root / corrupt.sha256[:2] / corrupt.sha256).read_bytes() == b"Corrupt"


def test_printed_findings_are_rechecked(site: Site, tmp_path: Path) -> None:
    wrong, right = store_object(b"wrong"), store_object(b"resolved")
    with triggers_disabled():
        sql.execute("UPDATE storage_objects SET refcount = 2")
    file = tmp_path / "findings"
    file.write_text(run_command("storage_verify", "--json").out)
    sql.execute("UPDATE storage_objects SET refcount = 0 WHERE object_id = %s", [right.pk])
    add_reference(wrong, "note", 1)
    with triggers_disabled():
        sql.execute("UPDATE storage_objects SET refcount = 7 WHERE object_id = %s", [wrong.pk])
    result = run_command("storage_repair", "--findings", file, "--yes")
    assert result.code == 0
    assert result.lines == [
        f"repair: Object {wrong.pk} ({wrong.sha256[:12]}, local): change the refcount from 7 to 1.",
        "Made 1 of 1 repair.",
    ]
    assert run_command("storage_repair", "--findings", file, "--yes").lines == ["Nothing to repair."]


def test_resolved_findings_are_not_listed(site: Site, tmp_path: Path) -> None:
    subjects = create_all_errors(site)
    file = tmp_path / "findings"
    file.write_text(run_command("storage_verify", "--json").out)
    sql.execute("DELETE FROM documents")
    sql.execute("DELETE FROM storage_references")
    sql.execute("DELETE FROM storage_tombstones")
    with triggers_disabled():
        sql.execute("DELETE FROM storage_objects")
    (site.root / "incoming" / "tmpkilled").unlink()
    site.harnesses["local"].store.delete(str(subjects[FindingKind.ORPHAN]))
    assert run_command("storage_repair", "--findings", file, "--yes").lines == ["Nothing to repair."]
    assert list_events() == []


@pytest.mark.parametrize(
    "line",
    [
        "wrong count: Object 1",
        "[]",
        '{"kind": "wrong count"}',
        '{"kind": "wrong count", "message": "x"}',
        '{"kind": "orphan", "message": "x", "object_id": 1}',
        '{"kind": "wrong count", "message": "x", "object_id": "1; DROP"}',
        '{"kind": "missing referrer", "message": "x", "object_id": 1, "referrer": "table 7"}',
        '{"kind": "rumor", "message": "x", "object_id": 1}',
        '{"kind": "wrong count", "message": "x", "object_id": 1, "more": 2}',
    ],
)
def test_file_without_findings_is_rejected(site: Site, tmp_path: Path, line: str) -> None:
    file = tmp_path / "findings"
    file.write_text(f'{{"summary": {{}}}}\n{line}\n')
    result = run_command("storage_repair", "--findings", file, "--yes")
    assert result.code == 2
    assert result.error == f"Line 2 of {file} is not a finding. Use the output of storage_verify --json."


def test_recent_orphans_and_references_are_not_repaired(site: Site) -> None:
    site.harnesses["local"].store.put(b"coming")
    row = store_object(b"early")
    add_reference(row, "document", 77)
    assert run_command("storage_repair", "--yes").lines == ["Nothing to repair."]
    age_reference("document", 77, hours=2)
    assert run_command("storage_repair", "--yes").code == 5
    assert (
        run_command("storage_repair", "--yes", "--only", "orphans", "--min-age", "0", "--retention-days", "0").code == 0
    )
    assert StorageTombstone.objects.get().delete_after <= timezone.now()
