"""Content that pipelines stored: `local://HASH/NAME` and `s3://BUCKET/docs/HASH/NAME`, in their folders."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from ncfd_site.core.roles import Role
from storage.content import ContentStore, get_content_store
from storage.content.base import (
    ContentCorruptError,
    ContentNotFoundError,
    InvalidUriError,
    StoreUnavailableError,
    build_copy_uri,
    parse_uri,
)
from storage.content.s3_client import get_s3_client
from storage.garbage_collection import GcOptions, collect_garbage
from storage.models import Document, StorageObject, StorageTombstone
from storage.tiers import MoveOptions, move_objects
from tests import factories
from tests.storage import store_setup
from tests.storage.content.harness import BUCKET, build_s3_location
from tests.storage.verification.site import run_command

pytestmark = pytest.mark.django_db

DATA = b"from a pipeline"
SHA256 = hashlib.sha256(DATA).hexdigest()
NAMES = ["abc-123-1", "press release (final).pdf", "étude 臨床 %20+&=.pdf", "..hidden", "a" * 255, "content"]
INVALID = [
    f"local://{SHA256}/../x",
    f"local://{SHA256}/..",
    f"local://{SHA256}/.",
    f"local://{SHA256}/",
    f"local://{SHA256}/a/b",
    f"local://{SHA256}/a\n",
    f"local://{SHA256}/{'é' * 128}",
    f"local://{SHA256.upper()}/content",
    f"local://{BUCKET}/docs/{SHA256}/content",
    f"s3://{SHA256}/content",
    f"s3://{BUCKET}/{SHA256}",
    f"s3://{BUCKET}/docs/{SHA256}",
    f"s3://{BUCKET}/docs/{SHA256}/..",
    f"s3://{BUCKET}/docs/{SHA256}/../x",
    f"s3://b/docs/{SHA256}/x",
    f"tape://{SHA256}/content",
    f"file:///tmp/{SHA256}",
]
REPORTER = NullReporter("olga")


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that stores files in one of the site's stores."""

    backend: str
    root: Path
    client: Any

    @property
    def store(self) -> ContentStore:
        return get_content_store(self.backend)

    def write(self, name: str, data: bytes = DATA, sha256: str = SHA256) -> str:
        """Store a file and return its URI."""
        if self.backend == "s3":
            self.client.put_object(Bucket=BUCKET, Key=f"docs/{sha256}/{name}", Body=data)
            return f"s3://{BUCKET}/docs/{sha256}/{name}"
        path = self.root / "docs" / sha256 / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"local://{sha256}/{name}"

    def list_files(self) -> list[str]:
        """Return the paths of all files below `docs`."""
        if self.backend == "s3":
            found = self.client.list_objects_v2(Bucket=BUCKET, Prefix="docs/").get("Contents", [])
            return [entry["Key"] for entry in found]
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob("docs/*/*"))

    def add_object(self, sha256: str = SHA256) -> StorageObject:
        """Add a referenced object as pipelines do."""
        sql.scalar("increment_storage_refcount", sha256, self.backend, "pipeline", 1)
        return StorageObject.objects.get(sha256=sha256)


@pytest.fixture
def s3_client(both_tiers: str, s3_endpoint: str) -> Iterator[Any]:
    """Client of the bucket; the files of pipelines are deleted, since they have no prefix."""
    client = get_s3_client(build_s3_location(s3_endpoint))

    def delete_all() -> None:
        for entry in client.list_objects_v2(Bucket=BUCKET, Prefix="docs/").get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=entry["Key"])

    delete_all()
    yield client
    delete_all()


@pytest.fixture(params=["local", "s3"])
def pipeline(request: pytest.FixtureRequest, local_site: Path, s3_client: Any) -> Pipeline:
    return Pipeline(request.param, local_site, s3_client)


# URIs


@pytest.mark.parametrize("uri", INVALID)
def test_invalid_uris_are_rejected_by_site_and_database(uri: str) -> None:
    with pytest.raises(InvalidUriError, match="is not a URI of a content store"):
        parse_uri(uri)
    assert sql.value("SELECT get_storage_uri_hash(%s)", [uri]) is None


@pytest.mark.parametrize("name", NAMES)
def test_site_and_database_read_the_same_hash(name: str) -> None:
    for uri in (f"local://{SHA256}/{name}", f"s3://{BUCKET}/docs/{SHA256}/{name}"):
        assert (parse_uri(uri).sha256, parse_uri(uri).name) == (SHA256, name)
        assert sql.value("SELECT get_storage_uri_hash(%s)", [uri]) == SHA256


def test_other_bucket_is_not_read(both_tiers: str) -> None:
    for uri in (f"s3://elsewhere/docs/{SHA256}/content", f"s3://bucket/docs/{SHA256}/name"):
        with pytest.raises(InvalidUriError, match="is in another bucket than CONTENT_S3_BUCKET"):
            get_content_store("s3").get_size(uri)


# Reading


@pytest.mark.parametrize("name", NAMES)
def test_file_is_read_by_its_name(pipeline: Pipeline, name: str) -> None:
    uri = pipeline.write(name)
    pipeline.write("other", b"corrupt")
    assert pipeline.store.read(uri) == DATA
    assert pipeline.store.get_size(uri) == len(DATA)
    assert pipeline.store.exists(uri)
    with pytest.raises(ContentNotFoundError):
        pipeline.store.read(uri.replace(name, "missing"))


@pytest.mark.parametrize("name", NAMES)
def test_content_is_the_only_file(pipeline: Pipeline, name: str) -> None:
    pipeline.write(name)
    pipeline.write("unfinished.part", b"fr")
    assert pipeline.store.read(build_copy_uri(pipeline.backend, SHA256)) == DATA


def test_content_of_several_files_is_the_first_intact_one(pipeline: Pipeline) -> None:
    uri = build_copy_uri(pipeline.backend, SHA256)
    pipeline.write("a", b"corrupt")
    pipeline.write("content", b"corrupt, too")
    with pytest.raises(ContentCorruptError):
        pipeline.store.read(uri)
    pipeline.write("b")
    assert pipeline.store.read(uri) == DATA
    assert pipeline.store.get_size(uri) == len(DATA)


def test_content_without_a_folder_is_the_object_of_the_site(pipeline: Pipeline) -> None:
    uri = build_copy_uri(pipeline.backend, SHA256)
    with pytest.raises(ContentNotFoundError):
        pipeline.store.read(uri)
    pipeline.store.put(DATA)
    assert pipeline.store.read(uri) == DATA


def test_missing_content_root_is_no_missing_object(local_site: Path) -> None:
    local_site.rmdir()
    for name in ("content", "name"):
        with pytest.raises(StoreUnavailableError):
            get_content_store().get_size(f"local://{SHA256}/{name}")


@pytest.mark.parametrize("linked", ["docs", f"docs/{SHA256}", f"docs/{SHA256}/name"])
@pytest.mark.parametrize("name", ["name", "content"])
def test_links_are_not_followed(local_site: Path, tmp_path: Path, linked: str, name: str) -> None:
    outside = tmp_path / "outside"
    path = outside / SHA256 / "name"
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    link = local_site / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to({"docs": outside, f"docs/{SHA256}": outside / SHA256}.get(linked, path))
    with pytest.raises(InvalidUriError, match="link or not a regular file"):
        get_content_store().read(f"local://{SHA256}/{name}")
    assert list(get_content_store().list_objects(with_named=True)) == []


def test_listing_has_all_files_by_hash_and_name(pipeline: Pipeline) -> None:
    own = [pipeline.store.put(b"%d" % number).uri for number in range(5)]
    named = [pipeline.write(name, b"x", f"{number:x}" * 64) for number, name in enumerate(NAMES[:5], start=3)]
    named.append(pipeline.write("second", b"x", "4" * 64))
    assert {one.uri for one in pipeline.store.list_objects()} == set(own)
    listed = [one.uri for one in pipeline.store.list_objects(with_named=True)]
    assert listed == sorted([*own, *named], key=lambda uri: (parse_uri(uri).sha256, parse_uri(uri).name))
    for position, uri in enumerate(listed, start=1):
        assert [one.uri for one in pipeline.store.list_objects(after=uri, with_named=True)] == listed[position:]


def test_files_of_other_programs_are_not_listed(pipeline: Pipeline) -> None:
    pipeline.write("name", sha256="no hash")
    if pipeline.backend == "s3":
        pipeline.write("folder/name")
    else:
        (pipeline.root / "docs" / "file").write_bytes(DATA)
        (pipeline.root / "docs" / SHA256 / "folder").mkdir(parents=True)
    assert list(pipeline.store.list_objects(with_named=True)) == []


# Writing and deleting


def test_put_writes_at_a_name(pipeline: Pipeline) -> None:
    uri = pipeline.store.build_uri(SHA256, "some name")
    assert pipeline.store.put(iter([DATA]), at=uri).uri == uri
    assert pipeline.list_files() == [f"docs/{SHA256}/some name"]
    with pytest.raises(ContentCorruptError):
        pipeline.store.put(b"other", at=uri)
    assert pipeline.store.read(uri) == DATA


def test_name_deletes_one_file_and_content_all(pipeline: Pipeline) -> None:
    first, second, third = (pipeline.write(name) for name in "abc")
    assert pipeline.store.delete(first)
    assert not pipeline.store.delete(first)
    assert (pipeline.store.exists(second), pipeline.store.exists(third)) == (True, True)
    assert pipeline.store.delete(build_copy_uri(pipeline.backend, SHA256))
    assert not pipeline.store.delete(build_copy_uri(pipeline.backend, SHA256))
    assert pipeline.list_files() == []
    assert not (pipeline.root / "docs" / SHA256).exists()


# The site


def add_document(uri: str, sha256: str = SHA256, **fields: Any) -> Document:
    return factories.make_document(storage_uri=uri, sha256=sha256, **fields)


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(factories.make_user(Role.OPERATOR))
    return client


def read_download(client: Client, row: StorageObject | Document) -> tuple[int, bytes]:
    name = "object_file" if isinstance(row, StorageObject) else "document_file"
    answer: Any = client.get(reverse(f"storage:{name}", args=[row.pk]))
    return answer.status_code, b"".join(answer.streaming_content) if answer.streaming else b""


def test_database_function_writes_uris_of_pipelines(pipeline: Pipeline) -> None:
    expected = {"local": f"local://{SHA256}/content", "s3": f"s3://bucket/docs/{SHA256}/content"}[pipeline.backend]
    assert pipeline.add_object().storage_uri == expected == build_copy_uri(pipeline.backend, SHA256)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_verified_and_downloaded(pipeline: Pipeline, olga: Client, name: str) -> None:
    document = add_document(pipeline.write(name))
    row = pipeline.add_object()
    StorageObject.objects.update(size_bytes=len(DATA))
    Document.objects.update(object=row)
    sql.scalar("increment_storage_refcount", SHA256, pipeline.backend, "document", document.pk)
    result = run_command("storage_verify", "--min-age", "0")
    assert (result.code, result.lines[-1]) == (0, "No errors found.")
    assert read_download(olga, row) == (200, DATA)
    assert read_download(olga, document) == (200, DATA)
    Document.objects.update(object=None)
    assert read_download(olga, document) == (200, DATA)


def test_faults_of_files_are_found(pipeline: Pipeline) -> None:
    missing, corrupt, other = (f"{digit}" * 64 for digit in "123")
    for sha256 in (missing, corrupt, other):
        pipeline.add_object(sha256)
    pipeline.write("name", b"corrupt", corrupt)
    uri = pipeline.write("name")
    StorageObject.objects.filter(sha256=other).update(storage_uri=uri)
    pipeline.write("orphan", sha256="4" * 64)
    lines = run_command("storage_verify", "--min-age", "0", "--only", "presence,hashes,orphans").lines
    kinds = {
        kind: [line for line in lines if line.startswith(f"{kind}:")]
        for kind in ("missing object", "corrupt object", "wrong URI", "orphan")
    }
    assert [len(found) for found in kinds.values()] == [1, 1, 1, 2]
    assert f"has no data at {build_copy_uri(pipeline.backend, missing)}" in kinds["missing object"][0]
    assert f"the data at {build_copy_uri(pipeline.backend, corrupt)} has the hash" in kinds["corrupt object"][0]
    assert f"has {uri}, which is the URI of another object" in kinds["wrong URI"][0]
    assert any(pipeline.store.build_uri("4" * 64, "orphan") in line for line in kinds["orphan"])


@pytest.mark.parametrize("damage", ["missing", "corrupt"])
@pytest.mark.parametrize("name", ["some name", "content"])
def test_file_is_repaired_from_the_other_store(pipeline: Pipeline, name: str, damage: str) -> None:
    uri = pipeline.write(name, b"corrupt")
    if damage == "missing":
        pipeline.store.delete(uri)
    pipeline.add_object()
    StorageObject.objects.update(storage_uri=uri, size_bytes=len(DATA))
    other = Pipeline("s3" if pipeline.backend == "local" else "local", pipeline.root, pipeline.client)
    other.write("copy")
    assert run_command("storage_repair", "--only", "hashes", "--yes").code == 0
    assert pipeline.store.read(uri) == DATA
    assert pipeline.list_files() == [f"docs/{SHA256}/{name}"]
    assert StorageObject.objects.get().storage_uri == uri


def test_corrupt_file_that_content_means_is_repaired_at_its_name(pipeline: Pipeline) -> None:
    uri = pipeline.write("some name", b"corrupt")
    pipeline.add_object()
    pipeline.store.put(DATA)
    assert run_command("storage_repair", "--only", "hashes", "--yes").code == 0
    assert pipeline.list_files() == [f"docs/{SHA256}/some name"]
    assert pipeline.store.read(uri) == DATA


def test_orphan_is_repaired_and_collected(pipeline: Pipeline) -> None:
    uri = pipeline.write("an orphan")
    # Files of pipelines without any row may belong to another database.
    assert run_command("storage_verify", "--only", "orphans", "--min-age", "0").code == 0
    pipeline.add_object("1" * 64)
    assert run_command("storage_repair", "--only", "orphans", "--min-age", "0", "--yes").code == 0
    assert StorageTombstone.objects.get().storage_uri == uri
    store_setup.expire_tombstones()
    assert collect_garbage(GcOptions(max_delete_percent=100), REPORTER).data.object_count == 1
    assert pipeline.list_files() == []


def test_unreferenced_object_is_collected_with_its_files(pipeline: Pipeline) -> None:
    row = pipeline.add_object()
    pipeline.write("one")
    pipeline.write("two")
    sql.scalar("decrement_storage_refcount", SHA256, pipeline.backend, "pipeline", 1)
    store_setup.age_objects()
    options = GcOptions(max_delete_percent=100, allow_missing_references=True)
    assert collect_garbage(options, REPORTER).row_count == 1
    assert StorageTombstone.objects.get().storage_uri == row.storage_uri
    store_setup.expire_tombstones()
    assert collect_garbage(options, REPORTER).data.failures == {}
    assert pipeline.list_files() == []


def test_document_with_another_name_keeps_the_object_and_the_data(pipeline: Pipeline) -> None:
    pipeline.add_object()
    add_document(pipeline.write("name"))
    sql.scalar("decrement_storage_refcount", SHA256, pipeline.backend, "pipeline", 1)
    store_setup.age_objects()
    options = GcOptions(max_delete_percent=100, allow_missing_references=True)
    assert collect_garbage(options, REPORTER).row_count == 0
    StorageObject.objects.all().delete()
    store_setup.expire_tombstones()
    assert collect_garbage(options, REPORTER).data.rereferenced_count == 1
    assert pipeline.list_files() == [f"docs/{SHA256}/name"]


@pytest.mark.parametrize("name", ["some name", "content"])
def test_moved_file_keeps_its_form_and_its_documents(pipeline: Pipeline, olga: Client, name: str) -> None:
    other = Pipeline("s3" if pipeline.backend == "local" else "local", pipeline.root, pipeline.client)
    uri = pipeline.write(name)
    documents = [add_document(uri), add_document(pipeline.write("second"))]
    pipeline.add_object()
    StorageObject.objects.update(storage_uri=uri)
    result = move_objects(MoveOptions(to=other.backend), REPORTER)
    assert (result.object_count, result.failures) == (1, {})
    moved = other.store.build_uri(SHA256, name)
    assert StorageObject.objects.get().storage_uri == moved
    assert {one.storage_uri for one in Document.objects.filter(pk__in=[one.pk for one in documents])} == {moved}
    assert other.list_files() == [f"docs/{SHA256}/{name}"]
    assert read_download(olga, documents[1]) == (200, DATA)
    store_setup.expire_tombstones()
    collect_garbage(GcOptions(), REPORTER)
    assert not pipeline.store.exists(uri)
    # Files with other names do not take the place of the moved one, for pipelines read by name.
    pipeline.write("third")
    assert move_objects(MoveOptions(to=pipeline.backend), REPORTER).object_count == 1
    assert StorageObject.objects.get().storage_uri == uri
    assert f"docs/{SHA256}/{name}" in pipeline.list_files()
    assert pipeline.store.read(uri) == DATA


def test_loader_writes_data_of_known_objects_at_their_uri(local_site: Path, s3_client: Any) -> None:
    pipeline = Pipeline("local", local_site, s3_client)
    row = pipeline.add_object()
    (document,) = store_setup.upload(DATA)
    assert Document.objects.get(pk=document).storage_uri == row.storage_uri
    assert pipeline.list_files() == [f"docs/{SHA256}/content"]
    store_setup.assert_consistent()


def test_page_of_an_object_lists_tombstones_in_any_form(olga: Client) -> None:
    row = factories.make_storage_object(DATA)
    uri = f"s3://{BUCKET}/docs/{SHA256}/old name"
    StorageTombstone.objects.create(storage_uri=uri, reason="moved", delete_after="2024-03-01T12:00Z")
    page = olga.get(reverse("admin:storage_storageobject_change", args=[row.pk])).content.decode()
    assert uri in page
