"""What can be mended is mended, recorded, and stays so; what cannot is named with what to do."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from ncfd_site.core import sql
from storage.models import Document, StorageEvent, StorageObject, StorageReference, StorageTombstone
from storage.verification import Check, Kind
from tests import factories
from tests.storage.verification.looking import checked
from tests.storage.verification.prepared import documents_of, everything_wrong, right_content
from tests.storage.verification.site import (
    Site,
    age_reference,
    as_after_a_restore,
    command,
    keep,
    make_document_of,
    refer,
)

pytestmark = pytest.mark.django_db


def named(document: Document) -> str:
    """Where the content of a document lies."""
    assert document.object is not None
    return document.object.storage_uri


def events() -> list[tuple[str, int | None, dict[str, Any]]]:
    return [(one.action, one.object_id, one.detail) for one in StorageEvent.objects.order_by("pk")]


def test_everything_that_can_be_mended_is_and_the_rest_is_named(site: Site) -> None:
    right_content()
    about = everything_wrong(site)
    # A good copy of what is damaged, and none of what is missing.
    site.harnesses["local"].store.put(b"damaged")
    (uncounted,) = documents_of(about[Kind.REFERENCE_MISSING])
    (elsewhere,) = documents_of(about[Kind.DOCUMENT_ADDRESS])
    (other,) = documents_of(about[Kind.DOCUMENT_HASH])
    (lost,) = documents_of(about[Kind.MISSING])
    objects = {kind: StorageObject.objects.get(pk=key) for kind, key in about.items() if isinstance(key, int)}
    names = {kind: f"Object {one.pk} ({one.sha256[:12]}, {one.backend_type})" for kind, one in objects.items()}
    ended = command("storage_repair", "--yes", "--actor", "olga")
    damaged, missing = objects[Kind.DAMAGED], objects[Kind.MISSING]
    assert sorted(line for line in ended.lines if line.startswith("mend: ")) == sorted(
        [
            f"mend: {names[Kind.COUNT]}: count 5 becomes 0.",
            f"mend: {names[Kind.REFERENCE_MISSING]}: a reference of document {uncounted.pk} is added.",
            f"mend: Document {elsewhere.pk}: address https://example.org/old becomes {named(elsewhere)}.",
            f"mend: {names[Kind.SIZE]}: size 99 becomes 15.",
            f"mend: {names[Kind.SIZE_UNTOLD]}: size 0 becomes 8.",
            (
                f"mend: {names[Kind.DAMAGED]}: damaged bytes at {damaged.storage_uri} are written anew from "
                f"local://{damaged.sha256} (7 bytes)."
            ),
            (
                f"mend: Bytes without a row at {about[Kind.ORPHAN]}: no tombstone becomes one, and storage_gc deletes "
                "them in 7 days unless a row names them by then."
            ),
            "mend: Abandoned file incoming/tmpkilled (10 bytes) is deleted.",
        ]
    )
    left = [line for line in ended.lines if line.startswith("left: ")]
    assert left == [
        (
            f"left: {names[Kind.OWNER_MISSING]} is referred to by document 515151, which does not exist; the reference "
            "was made 2 days ago. It is left alone, since the owner may still come; where it never will, release the "
            "reference."
        ),
        (
            f"left: Document {other.pk} has the hash {'0' * 64}, and its object {objects[Kind.DOCUMENT_HASH].pk} the "
            f"hash {objects[Kind.DOCUMENT_HASH].sha256}. It is left alone: look which of the two contents was meant."
        ),
        (
            f"left: {names[Kind.MISSING]}: missing bytes at {missing.storage_uri}, and no other store has a copy: "
            f"fetch again document {lost.pk} (https://example.org/lost)."
        ),
        (
            f"left: {names[Kind.ADDRESS]}: its address 'file:///tmp/foreign' (tier local) is left alone; who wrote it "
            "knows where the bytes are. Put them into a store of this site and correct the row."
        ),
        (
            f"left: The bytes at s3://{'a' * 64} were to be deleted 3 days ago: storage_gc does not run. Run "
            "storage_gc --delete, and see to it that it runs every day."
        ),
    ]
    assert ended.lines[-1] == "Made and recorded 8 of 8 changes."
    assert (ended.code, ended.said) == (5, "5 things are left to people: see above what to do.")

    assert site.harnesses["s3"].store.read(damaged.storage_uri) == b"damaged"
    assert {one.kind for one in checked()[0]} == {
        Kind.OWNER_MISSING,
        Kind.DOCUMENT_HASH,
        Kind.MISSING,
        Kind.ADDRESS,
        Kind.OVERDUE,
    }
    again = command("storage_repair", "--yes")
    assert [line for line in again.lines if not line.startswith("left: ")] == []
    assert again.code == 5


def test_each_change_is_recorded_with_who_what_and_why(site: Site) -> None:
    about = everything_wrong(site)
    site.harnesses["local"].store.put(b"damaged")
    (uncounted,) = documents_of(about[Kind.REFERENCE_MISSING])
    (elsewhere,) = documents_of(about[Kind.DOCUMENT_ADDRESS])
    before = timezone.now()
    command("storage_repair", "--yes", "--actor", "olga")
    tombstone = StorageTombstone.objects.get(storage_uri=about[Kind.ORPHAN])
    damaged = StorageObject.objects.get(sha256=hashlib.sha256(b"damaged").hexdigest())
    assert events() == [
        ("count_corrected", about[Kind.COUNT], {"was": 5, "is": 0}),
        (
            "repaired",
            about[Kind.REFERENCE_MISSING],
            {"reference_type": "document", "reference_id": uncounted.pk, "refcount": 1},
        ),
        (
            "repaired",
            about[Kind.DOCUMENT_ADDRESS],
            {
                "what": f"address of document {elsewhere.pk}",
                "was": "https://example.org/old",
                "is": named(elsewhere),
            },
        ),
        ("repaired", about[Kind.SIZE], {"what": "size_bytes", "was": 99, "is": 15}),
        ("repaired", about[Kind.SIZE_UNTOLD], {"what": "size_bytes", "was": 0, "is": 8}),
        (
            "repaired",
            about[Kind.DAMAGED],
            {"what": "bytes", "was": "damaged", "is": f"whole, from local://{damaged.sha256}"},
        ),
        (
            "repaired",
            None,
            {
                "what": "tombstone",
                "storage_uri": about[Kind.ORPHAN],
                "was": "without a tombstone",
                "is": f"kept until {tombstone.delete_after:%Y-%m-%d %H:%M} UTC",
            },
        ),
        ("repaired", None, {"what": "incoming/tmpkilled", "was": "10 bytes", "is": "deleted"}),
    ]
    assert {one.actor for one in StorageEvent.objects.all()} == {"olga"}
    recount = StorageEvent.objects.get(action="count_corrected")
    assert recount.reason is not None
    assert recount.reason.endswith("has 0 references, and its count says 5.")
    assert (tombstone.reason, tombstone.actor) == ("orphaned", "olga")
    assert 6.99 < (tombstone.delete_after - before).total_seconds() / 86400 < 7.01
    assert StorageReference.objects.filter(referenced_id=uncounted.pk).count() == 1
    # The bytes that nobody named are there until storage_gc comes.
    assert site.harnesses["local"].store.read(str(about[Kind.ORPHAN])) == b"orphan"


@pytest.mark.parametrize("backend", ["local", "s3"])
@pytest.mark.parametrize("harm", ["missing", "damaged", "cut short"])
def test_bytes_come_back_from_the_other_store(site: Site, backend: str, harm: str) -> None:
    other = {"local": "s3", "s3": "local"}[backend]
    content = keep(b"the bytes", backend)
    refer(content, "note", 1)
    site.harnesses[other].store.put(b"the bytes")
    if harm == "missing":
        site.remove(content)
    else:
        site.overwrite(content, b"The bytes" if harm == "damaged" else b"the")
    ended = command("storage_repair", "--yes", "--only", "bytes,hashes")
    assert (ended.code, ended.lines[-1]) == (0, "Made and recorded 1 of 1 change.")
    assert site.harnesses[backend].store.read(content.storage_uri) == b"the bytes"
    assert checked(Check.BYTES, Check.HASHES)[0] == []
    assert command("storage_repair", "--yes", "--only", "bytes,hashes").lines == ["Nothing needs mending."]


@pytest.mark.parametrize("copy", [None, b"The Bytes"])
def test_damaged_bytes_without_a_good_copy_stay_where_they_are(site: Site, copy: bytes | None) -> None:
    content = keep(b"the bytes")
    documents = [make_document_of(content, source_url=f"https://example.org/{number}") for number in range(7)]
    site.overwrite(content, b"the bytez")
    if copy:
        site.harnesses["s3"].overwrite(content.sha256, copy)
    ended = command("storage_repair", "--yes", "--only", "hashes")
    assert ended.code == 5
    told = ", ".join(f"document {one.pk} ({one.source_url})" for one in documents[:5])
    assert ended.lines == [
        (
            f"left: Object {content.pk} ({content.sha256[:12]}, local): damaged bytes at {content.storage_uri}, and no "
            f"other store has a copy: fetch again {told} and 2 more."
        )
    ]
    assert (site.root / content.sha256[:2] / content.sha256).read_bytes() == b"the bytez"
    assert events() == []


def test_a_size_is_not_taken_from_damaged_bytes(site: Site) -> None:
    content = keep(b"the bytes")
    site.overwrite(content, b"the")
    assert command("storage_repair", "--yes", "--only", "bytes").code == 5
    assert StorageObject.objects.get().size_bytes == 9


def test_a_document_keeps_the_address_of_the_only_good_copy(site: Site) -> None:
    content = keep(b"the bytes")
    document = make_document_of(content, storage_uri=f"s3://{content.sha256}")
    site.harnesses["s3"].store.put(b"the bytes")
    site.remove(content)
    ended = command("storage_repair", "--yes", "--only", "owners")
    assert ended.code == 5
    assert "where its bytes are not whole: mend these, and run the command again." in ended.out
    assert Document.objects.get(pk=document.pk).storage_uri == f"s3://{content.sha256}"
    # The bytes come first.
    command("storage_repair", "--yes")
    assert command("storage_repair", "--yes", "--young", "0").code == 0
    assert Document.objects.get(pk=document.pk).storage_uri == content.storage_uri
    assert checked()[0] == []


def test_a_study_gets_its_reference(site: Site) -> None:
    content = keep(b"of a study")
    study = factories.make_study(object=content)
    assert command("storage_repair", "--yes").code == 0
    content.refresh_from_db()
    assert content.refcount == 1
    assert StorageReference.objects.get().referenced_id == study.pk


def test_a_store_that_cannot_be_asked_is_no_reason_to_change_anything(site: Site, settings: Any) -> None:
    far = keep(b"far", "s3")
    damaged = keep(b"damaged")
    site.overwrite(damaged, b"Damaged")
    settings.CONTENT_S3_ENDPOINT = "http://127.0.0.1:9"
    ended = command("storage_repair", "--yes", "--only", "bytes,hashes")
    assert ended.code == 7
    assert ended.said.startswith("Not everything could be looked at. The S3 content store cannot be reached")
    assert ended.lines == []
    assert StorageObject.objects.filter(pk__in=[far.pk, damaged.pk]).count() == 2
    assert (site.root / damaged.sha256[:2] / damaged.sha256).read_bytes() == b"Damaged"


def test_findings_that_were_printed_are_looked_at_again(site: Site, tmp_path: Path) -> None:
    wrong, right = keep(b"wrong"), keep(b"right by now")
    with as_after_a_restore():
        sql.execute("UPDATE storage_objects SET refcount = 2")
    file = tmp_path / "findings"
    file.write_text(command("storage_verify", "--json").out)
    sql.execute("UPDATE storage_objects SET refcount = 0 WHERE object_id = %s", [right.pk])
    refer(wrong, "note", 1)
    with as_after_a_restore():
        sql.execute("UPDATE storage_objects SET refcount = 7 WHERE object_id = %s", [wrong.pk])
    ended = command("storage_repair", "--findings", file, "--yes")
    assert ended.code == 0
    assert ended.lines == [
        f"mend: Object {wrong.pk} ({wrong.sha256[:12]}, local): count 7 becomes 1.",
        "Made and recorded 1 of 1 change.",
    ]
    assert command("storage_repair", "--findings", file, "--yes").lines == ["Nothing needs mending."]


def test_findings_that_are_right_by_now_are_not_named(site: Site, tmp_path: Path) -> None:
    about = everything_wrong(site)
    file = tmp_path / "findings"
    file.write_text(command("storage_verify", "--json").out)
    sql.execute("DELETE FROM documents")
    sql.execute("DELETE FROM storage_references")
    sql.execute("DELETE FROM storage_tombstones")
    with as_after_a_restore():
        sql.execute("DELETE FROM storage_objects")
    (site.root / "incoming" / "tmpkilled").unlink()
    site.harnesses["local"].store.delete(str(about[Kind.ORPHAN]))
    assert command("storage_repair", "--findings", file, "--yes").lines == ["Nothing needs mending."]
    assert events() == []


@pytest.mark.parametrize(
    "line",
    [
        "count: Object 1",
        "[]",
        '{"kind": "count"}',
        '{"kind": "count", "sentence": "x"}',
        '{"kind": "orphan", "sentence": "x", "object_id": 1}',
        '{"kind": "count", "sentence": "x", "object_id": "1; DROP"}',
        '{"kind": "owner missing", "sentence": "x", "object_id": 1, "owner": "table 7"}',
        '{"kind": "rumour", "sentence": "x", "object_id": 1}',
        '{"kind": "count", "sentence": "x", "object_id": 1, "more": 2}',
    ],
)
def test_a_file_that_holds_something_else_is_refused(site: Site, tmp_path: Path, line: str) -> None:
    file = tmp_path / "findings"
    file.write_text(f'{{"summary": {{}}}}\n{line}\n')
    ended = command("storage_repair", "--findings", file, "--yes")
    assert ended.code == 2
    assert ended.said == f"Line 2 of {file} is no finding: give what storage_verify --json printed."


def test_the_young_are_spared_as_in_the_check(site: Site) -> None:
    site.harnesses["local"].store.put(b"coming")
    content = keep(b"early")
    refer(content, "document", 77)
    assert command("storage_repair", "--yes").lines == ["Nothing needs mending."]
    age_reference("document", 77, hours=2)
    assert command("storage_repair", "--yes").code == 5
    assert command("storage_repair", "--yes", "--only", "orphans", "--young", "0", "--keep-days", "0").code == 0
    assert StorageTombstone.objects.get().delete_after <= timezone.now()
