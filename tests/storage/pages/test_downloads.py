"""Downloads: verified before sending, never rendered as a page, failures explained."""

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from storage.content import ContentStore, get_content_store
from storage.content.base import StoreUnavailableError
from storage.content.local import LocalContentStore
from storage.models import Document, StorageObject
from tests import factories
from tests.storage.content.harness import BUCKET
from tests.storage.pages.conftest import SignIn
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

PAGE = b"<script>document.title = 'taken over'</script>" * 40
LARGE = b"0123456789abcdef" * (9 << 16)  # 9 MiB, spooled to disk


def download(client: Client, row: StorageObject | Document, method: str = "get") -> Any:
    name = "object_file" if isinstance(row, StorageObject) else "document_file"
    return getattr(client, method)(reverse(f"storage:{name}", args=[row.pk]))


def read_body(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def assert_failure(answer: Any, status: int, message: str) -> None:
    """Assert a page with the reason and without data."""
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    assert "Content-Disposition" not in answer
    words = text_of(answer)
    assert message in words
    assert b"taken over" not in answer.content
    assert b"root:" not in answer.content


def build_path(store: ContentStore, uri: str, root: Path) -> Path:
    name = uri.partition("://")[2]
    return root / name[:2] / name


@pytest.mark.parametrize("content", [PAGE, b"x", b"", LARGE], ids=["page", "byte", "empty", "large"])
def test_data_is_sent_as_a_file(content: bytes, keep: Any, olga: Client) -> None:
    row = keep(content, metadata={"content_type": "text/html; charset=utf-8"})
    answer = download(olga, row)
    expected = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(content)),
        "Content-Disposition": f'attachment; filename="{row.sha256[:16]}.html"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Accept-Ranges": "none",
    }
    assert {name: answer[name] for name in expected} == expected
    assert "no-store" in answer["Cache-Control"]
    assert read_body(answer) == content


def test_ranges_are_ignored(keep: Any, olga: Client) -> None:
    row = keep(b"0123456789")
    answer = olga.get(reverse("storage:object_file", args=[row.pk]), headers={"range": "bytes=2-3"})
    assert read_body(answer) == b"0123456789"


def test_head_returns_the_length_without_reading(keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(PAGE)
    monkeypatch.delattr(ContentStore, "iter_chunks")
    answer = download(olga, row, "head")
    assert answer.status_code == 200
    assert answer["Content-Length"] == str(len(PAGE))
    assert answer.content == b""


def test_reviewer_downloads_documents_but_not_objects(keep: Any, signed_in: SignIn) -> None:
    content = keep(PAGE)
    document = factories.make_document(object=content, content_type="application/pdf")
    rita = signed_in("reviewer")
    answer = download(rita, document)
    assert answer["Content-Disposition"].endswith('.pdf"')
    assert read_body(answer) == PAGE
    assert download(rita, content).status_code == 403
    listed = rita.get(reverse("admin:storage_document_change", args=[document.pk])).content.decode()
    assert reverse("storage:document_file", args=[document.pk]) in listed


def test_document_without_object_is_found_by_its_uri(keep: Any, olga: Client) -> None:
    content = keep(PAGE)
    document = factories.make_document(storage_uri=content.storage_uri, sha256=content.sha256.upper())
    assert read_body(download(olga, document)) == PAGE


@pytest.mark.parametrize(
    "content_type",
    [
        'text/html"; filename="evil.exe',
        "text/html\r\nSet-Cookie: taken=over",
        "../../evil",
        "image/svg+xml",
        "x" * 5000,
        "",
        None,
        ["text/html"],
        {"a": 1},
        7,
    ],
)
def test_hostile_content_type_is_not_in_the_headers(content_type: Any, keep: Any, olga: Client) -> None:
    row = keep(PAGE, metadata={"content_type": content_type})
    answer = download(olga, row)
    assert re.fullmatch(r'attachment; filename="[0-9a-f]{16}\.(bin|html)"', answer["Content-Disposition"])
    assert answer["Content-Type"] == "application/octet-stream"
    assert "taken" not in str(answer.headers) + str(answer.cookies)
    assert read_body(answer) == PAGE


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "local://../../etc/passwd",
        "file:///etc/passwd",
        "local:///etc/passwd",
        "local://" + "ab" * 32 + "/../../../etc/passwd",
        "s3://other-bucket/" + "ab" * 32,
        "http://169.254.169.254/latest/meta-data/",
        "local://" + "AB" * 32,
        "local://" + "ab" * 32 + "\n",
        "",
    ],
)
def test_uri_of_no_store_is_rejected(uri: str, store: ContentStore, olga: Client) -> None:
    content = factories.make_storage_object(storage_uri=uri)
    document = factories.make_document(storage_uri=uri)
    for row in (content, document):
        for method in ("get", "head"):
            page = download(olga, row, method)
            assert page.status_code == 404
        assert_failure(download(olga, row), 404, "The storage URI of this object is invalid")


def test_uri_of_another_object_is_rejected(keep: Any, olga: Client) -> None:
    other = keep(PAGE)
    row = factories.make_storage_object(storage_uri=other.storage_uri, sha256="cd" * 32)
    assert_failure(download(olga, row), 404, "does not match its hash")


def test_missing_data_is_reported(store: ContentStore, keep: Any, olga: Client) -> None:
    row = keep(PAGE)
    store.delete(row.storage_uri)
    assert_failure(download(olga, row), 404, "has no data for it")
    assert download(olga, row, "head").status_code == 404


@pytest.mark.parametrize("damage", [lambda page: page[:-1], lambda page: b"X" + page[1:], lambda page: page + b"X"])
@pytest.mark.parametrize("content", [PAGE, LARGE], ids=["small", "large"])
def test_corrupt_data_is_not_sent(
    damage: Any, content: bytes, store: ContentStore, keep: Any, olga: Client, settings: Any
) -> None:
    row = keep(content)
    file = build_path(store, row.storage_uri, settings.CONTENT_ROOT)
    file.chmod(0o600)
    file.write_bytes(damage(content))
    assert_failure(download(olga, row), 502, "does not match its hash")


def test_link_is_not_followed(store: ContentStore, keep: Any, olga: Client, settings: Any) -> None:
    row = keep(PAGE)
    file = build_path(store, row.storage_uri, settings.CONTENT_ROOT)
    file.unlink()
    file.symlink_to("/etc/passwd")
    assert_failure(download(olga, row), 404, "nothing was read")


def test_unavailable_store_is_reported_with_retry_after(
    keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = keep(PAGE)

    def unavailable(self: object, uri: str) -> Iterator[bytes]:
        yield PAGE[:10]
        raise StoreUnavailableError("The disk is unavailable: secret-endpoint.")

    monkeypatch.setattr(LocalContentStore, "iter_chunks", unavailable)
    answer = download(olga, row)
    assert_failure(answer, 503, "Try again in a minute")
    assert answer["Retry-After"] == "60"
    assert b"secret-endpoint" not in answer.content


def test_full_spool_is_reported(keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(PAGE)

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("storage.downloads.SpooledTemporaryFile", full)
    assert_failure(download(olga, row), 503, "Try again in a minute")


def test_unconfigured_store_is_reported(store: ContentStore, olga: Client) -> None:
    row = factories.make_storage_object(storage_uri="s3://" + "ab" * 32, sha256="ab" * 32)
    assert_failure(download(olga, row), 503, "CONTENT_S3_BUCKET")


def test_object_moved_before_reading_is_found(
    s3_credentials: None, s3_endpoint: str, keep: Any, store: ContentStore, olga: Client, settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings.CONTENT_S3_BUCKET, settings.CONTENT_S3_ENDPOINT = BUCKET, s3_endpoint
    settings.CONTENT_S3_PREFIX, settings.CONTENT_S3_REGION = "tests/moving", "us-east-1"
    row = keep(PAGE)
    there = get_content_store("s3").put(PAGE)
    whole = LocalContentStore.iter_chunks

    def move_first(self: LocalContentStore, uri: str) -> Iterator[bytes]:
        StorageObject.objects.filter(pk=row.pk).update(storage_uri=there.uri, tier="s3")
        self.delete(uri)
        return whole(self, uri)

    monkeypatch.setattr(LocalContentStore, "iter_chunks", move_first)
    assert read_body(download(olga, row)) == PAGE


@pytest.mark.parametrize("number", [999_999, 2**63, 10**30])
def test_missing_row_is_reported(number: int, olga: Client) -> None:
    for name, kind in (("object_file", "object"), ("document_file", "document")):
        answer = olga.get(reverse(f"storage:{name}", args=[number]))
        assert answer.status_code == 404
        assert f"There is no {kind} {number}" in text_of(answer)


def test_spool_is_closed_with_the_response(keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    spools = []

    def record(**given: Any) -> Any:
        spools.append(SpooledTemporaryFile(**given))  # noqa: SIM115 (closed by the response)
        return spools[-1]

    monkeypatch.setattr("storage.downloads.SpooledTemporaryFile", record)
    answer = download(olga, keep(LARGE))
    assert [spool.closed for spool in spools] == [False]
    assert read_body(answer) == LARGE
    assert [spool.closed for spool in spools] == [True]
