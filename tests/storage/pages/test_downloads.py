"""Content is sent with its hash checked, as a file and never as a page of ours; and what cannot be sent is said."""

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from storage.content import ContentStore, LocalContentStore, StoreUnavailableError, get_content_store
from storage.models import Document, StorageObject
from tests import factories
from tests.storage.content.harness import BUCKET
from tests.storage.pages.conftest import SignIn
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

PAGE = b"<script>document.title = 'taken over'</script>" * 40
LARGE = b"0123456789abcdef" * (9 << 16)  # 9 MiB, more than stays in memory


def file_of(client: Client, row: StorageObject | Document, method: str = "get") -> Any:
    name = "object_file" if isinstance(row, StorageObject) else "document_file"
    return getattr(client, method)(reverse(f"storage:{name}", args=[row.pk]))


def body(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def refused(answer: Any, status: int, said: str) -> None:
    """It is a page that says why, with none of the bytes."""
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    assert "Content-Disposition" not in answer
    words = text_of(answer)
    assert said in words
    assert "Nothing was changed" in words or "nothing was changed" in words
    assert b"taken over" not in answer.content
    assert b"root:" not in answer.content


def path_of(store: ContentStore, uri: str, root: Path) -> Path:
    name = uri.partition("://")[2]
    return root / name[:2] / name


@pytest.mark.parametrize("content", [PAGE, b"x", b"", LARGE], ids=["page", "byte", "empty", "large"])
def test_the_bytes_are_sent_whole_and_as_a_file(content: bytes, keep: Any, olga: Client) -> None:
    row = keep(content, metadata={"content_type": "text/html; charset=utf-8"})
    answer = file_of(olga, row)
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
    assert body(answer) == content


def test_a_range_is_not_given(keep: Any, olga: Client) -> None:
    row = keep(b"0123456789")
    answer = olga.get(reverse("storage:object_file", args=[row.pk]), headers={"range": "bytes=2-3"})
    assert body(answer) == b"0123456789"


def test_a_head_tells_the_length_and_reads_nothing(keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(PAGE)
    monkeypatch.delattr(LocalContentStore, "chunks")
    answer = file_of(olga, row, "head")
    assert answer.status_code == 200
    assert answer["Content-Length"] == str(len(PAGE))
    assert answer.content == b""


def test_a_reviewer_gets_a_document_and_not_the_store(keep: Any, signed_in: SignIn) -> None:
    content = keep(PAGE)
    document = factories.make_document(object=content, content_type="application/pdf")
    rita = signed_in("reviewer")
    answer = file_of(rita, document)
    assert answer["Content-Disposition"].endswith('.pdf"')
    assert body(answer) == PAGE
    assert file_of(rita, content).status_code == 403
    listed = rita.get(reverse("admin:storage_document_change", args=[document.pk])).content.decode()
    assert reverse("storage:document_file", args=[document.pk]) in listed


def test_a_document_without_an_object_is_found_by_its_own_address(keep: Any, olga: Client) -> None:
    content = keep(PAGE)
    document = factories.make_document(storage_uri=content.storage_uri, sha256=content.sha256.upper())
    assert body(file_of(olga, document)) == PAGE


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
def test_a_hostile_content_type_stays_out_of_the_headers(content_type: Any, keep: Any, olga: Client) -> None:
    row = keep(PAGE, metadata={"content_type": content_type})
    answer = file_of(olga, row)
    assert re.fullmatch(r'attachment; filename="[0-9a-f]{16}\.(bin|html)"', answer["Content-Disposition"])
    assert answer["Content-Type"] == "application/octet-stream"
    assert "taken" not in str(answer.headers) + str(answer.cookies)
    assert body(answer) == PAGE


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
def test_an_address_that_leads_elsewhere_is_refused(uri: str, store: ContentStore, olga: Client) -> None:
    content = factories.make_storage_object(storage_uri=uri)
    document = factories.make_document(storage_uri=uri)
    for row in (content, document):
        for method in ("get", "head"):
            refused_page = file_of(olga, row, method)
            assert refused_page.status_code == 404
        refused(file_of(olga, row), 404, "is none of the content store")


def test_the_address_of_other_content_is_refused(keep: Any, olga: Client) -> None:
    other = keep(PAGE)
    row = factories.make_storage_object(storage_uri=other.storage_uri, sha256="cd" * 32)
    refused(file_of(olga, row), 404, "does not fit the hash beside it")


def test_content_that_is_missing_is_said(store: ContentStore, keep: Any, olga: Client) -> None:
    row = keep(PAGE)
    store.delete(row.storage_uri)
    refused(file_of(olga, row), 404, "holds nothing under its address")
    assert file_of(olga, row, "head").status_code == 404


@pytest.mark.parametrize("damage", [lambda page: page[:-1], lambda page: b"X" + page[1:], lambda page: page + b"X"])
@pytest.mark.parametrize("content", [PAGE, LARGE], ids=["small", "large"])
def test_damaged_content_is_said_and_none_of_it_sent(
    damage: Any, content: bytes, store: ContentStore, keep: Any, olga: Client, settings: Any
) -> None:
    row = keep(content)
    file = path_of(store, row.storage_uri, settings.CONTENT_ROOT)
    file.chmod(0o600)
    file.write_bytes(damage(content))
    refused(file_of(olga, row), 502, "has another hash than what was once put there")


def test_a_link_in_the_place_of_content_is_not_followed(
    store: ContentStore, keep: Any, olga: Client, settings: Any
) -> None:
    row = keep(PAGE)
    file = path_of(store, row.storage_uri, settings.CONTENT_ROOT)
    file.unlink()
    file.symlink_to("/etc/passwd")
    refused(file_of(olga, row), 404, "nothing was read")


def test_a_store_that_does_not_answer_is_said_with_a_time_to_try_again(
    keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = keep(PAGE)

    def unavailable(self: object, uri: str) -> Iterator[bytes]:
        yield PAGE[:10]
        raise StoreUnavailableError("The disk is away: secret-endpoint.")

    monkeypatch.setattr(LocalContentStore, "chunks", unavailable)
    answer = file_of(olga, row)
    refused(answer, 503, "Try again in a minute")
    assert answer["Retry-After"] == "60"
    assert b"secret-endpoint" not in answer.content


def test_no_room_to_check_the_hash_is_said_too(keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(PAGE)

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("storage.serving.SpooledTemporaryFile", full)
    refused(file_of(olga, row), 503, "Try again in a minute")


def test_content_on_a_store_that_is_not_set_up_is_said(store: ContentStore, olga: Client) -> None:
    row = factories.make_storage_object(storage_uri="s3://" + "ab" * 32, sha256="ab" * 32)
    refused(file_of(olga, row), 503, "CONTENT_S3_BUCKET")


def test_content_that_moves_between_the_look_and_the_reading_is_found(
    s3_credentials: None, s3_endpoint: str, keep: Any, store: ContentStore, olga: Client, settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings.CONTENT_S3_BUCKET, settings.CONTENT_S3_ENDPOINT = BUCKET, s3_endpoint
    settings.CONTENT_S3_PREFIX, settings.CONTENT_S3_REGION = "tests/moving", "us-east-1"
    row = keep(PAGE)
    there = get_content_store("s3").put(PAGE)
    whole = LocalContentStore.iter_chunks

    def moved_meanwhile(self: LocalContentStore, uri: str) -> Iterator[bytes]:
        StorageObject.objects.filter(pk=row.pk).update(storage_uri=there.uri, tier="s3")
        self.delete(uri)
        return whole(self, uri)

    monkeypatch.setattr(LocalContentStore, "chunks", moved_meanwhile)
    assert body(file_of(olga, row)) == PAGE


@pytest.mark.parametrize("number", [999_999, 2**63, 10**30])
def test_a_row_that_is_not_there_is_a_sentence(number: int, olga: Client) -> None:
    for name, kind in (("object_file", "content"), ("document_file", "document")):
        answer = olga.get(reverse(f"storage:{name}", args=[number]))
        assert answer.status_code == 404
        assert f"There is no {kind} {number}" in text_of(answer)


def test_the_temporary_copy_is_closed_with_the_answer(keep: Any, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def noted(**given: Any) -> Any:
        made.append(SpooledTemporaryFile(**given))  # noqa: SIM115 (the answer closes it)
        return made[-1]

    monkeypatch.setattr("storage.serving.SpooledTemporaryFile", noted)
    answer = file_of(olga, keep(LARGE))
    assert [copy.closed for copy in made] == [False]
    assert body(answer) == LARGE
    assert [copy.closed for copy in made] == [True]
