"""Encrypted files decrypt whole with their key and name, and not at all otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.config.errors import ConfigurationError
from storage.backup.destinations import FolderDestination
from storage.backup.errors import BackupDamagedError
from storage.backup.files import FRAME, MAGIC, SALT, TAG, BackupFiles, read_key
from tests.storage.backup.conftest import DOCUMENTS, KEY
from tests.storage.backup.sites import Site, manage

HEADER = len(MAGIC) + SALT
OTHER_KEY = "another key of the tests, long enough"


@pytest.fixture
def files(tmp_path: Path) -> BackupFiles:
    return BackupFiles(FolderDestination(tmp_path), KEY.encode())


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 7])
def test_content_of_any_size_is_read_back(size: int, files: BackupFiles, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    files.write("content/ab/name", [content[:size]])
    assert b"".join(files.read("content/ab/name")) == content[:size]
    stored = tmp_path / "content/ab/name"
    assert files.plain_size(stored.stat().st_size) == size
    assert content[:64] not in stored.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[: HEADER - 1],
        lambda data: data[:HEADER],
        lambda data: data[: HEADER + FRAME + TAG],  # cut after a frame
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: (
            data[:HEADER] + data[HEADER + FRAME + TAG : HEADER + 2 * (FRAME + TAG)] + data[HEADER:]
        ),  # repeated
        lambda data: b"X" + data[1:],
        lambda data: data[:10] + bytes([data[10] ^ 1]) + data[11:],  # salt
        lambda data: data[:-TAG] + bytes([data[-TAG] ^ 1]) + data[-TAG + 1 :],
    ],
)
def test_changed_file_does_not_decrypt(change: Callable[[bytes], bytes], files: BackupFiles, tmp_path: Path) -> None:
    files.write("dump", [bytes(3 * FRAME)])
    path = tmp_path / "dump"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(BackupDamagedError, match="dump does not decrypt"):
        list(files.read("dump"))


def test_renamed_file_does_not_decrypt(files: BackupFiles, tmp_path: Path) -> None:
    files.write("first", [b"first"])
    (tmp_path / "first").rename(tmp_path / "second")
    with pytest.raises(BackupDamagedError, match="second does not decrypt"):
        list(files.read("second"))


def test_encrypted_backup_shows_neither_content_nor_hashes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_KEY", KEY)
    assert "Encrypted with BACKUP_KEY." in manage("backup").output
    stored = b"".join(path.read_bytes() for path in Path(site.backups).rglob("*") if path.is_file())
    assert not [document for document in DOCUMENTS if document in stored]
    assert b"alembic_version" not in stored
    hashes = {path.rpartition("/")[2] for path in site.read_content()}
    assert len(site.list_content()) == len(hashes)
    assert not hashes & {path.rpartition("/")[2] for path in site.list_content()}
    assert site.back_up().copied_count == 0
    with site.target() as target:
        site.restore(target)
        assert target.read_rows() == site.read_rows()
        assert target.read_content() == site.read_content()


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (KEY, OTHER_KEY, "Use that key, or another destination."),
        (KEY, "", "The backups are encrypted. Set BACKUP_KEY to the key "),
        ("", KEY, "BACKUP_KEY is set, but the backups in this place are not encrypted."),
    ],
)
def test_wrong_key_is_refused_before_anything_is_done(
    first: str, then: str, message: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_KEY", first)
    site.back_up()
    monkeypatch.setenv("BACKUP_KEY", then)
    backups, content = site.list_backups(), site.list_content()
    with site.target() as target:
        for command in (("restore", "--into", target.url, "--content", str(target.content)), ("backup",)):
            done = manage(*command)
            assert done.code == 2, done
            assert message in done.errors
        assert not target.exists()
    assert (site.list_backups(), site.list_content()) == (backups, content)


def test_key_is_read_from_a_file_and_must_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("BACKUP_KEY_FILE", str(tmp_path / "key"))
    assert read_key() == KEY.encode()
    (tmp_path / "key").write_text("short")
    with pytest.raises(ConfigurationError, match="BACKUP_KEY has fewer than 32 characters"):
        read_key()


def test_folder_of_others_is_refused(site: Site) -> None:
    Path(site.backups).mkdir()
    (Path(site.backups) / "letters").write_text("private")
    done = manage("backup")
    assert (done.code, done.errors) == (5, "The destination has files that are no backup. Use an empty one.")


def test_destination_of_another_database_is_refused(site: Site, settings: Any) -> None:
    site.back_up()
    with site.target() as target:
        site.restore(target)
        done = target.run("backup")
    assert done.code == 5
    assert "The destination has backups of another database" in done.errors
