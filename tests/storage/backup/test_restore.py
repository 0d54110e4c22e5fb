"""A restored backup is the site of its moment, and a restore that cannot be complete changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.schema.deploy import revisions
from storage.backup import restore as restoring
from storage.backup.errors import BackupError
from storage.content import get_content_store
from storage.models import StorageObject
from tests.storage import store_setup
from tests.storage.backup.conftest import DOCUMENTS, KEY
from tests.storage.backup.sites import Site, manage


@pytest.fixture
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the verification of restored sites, which takes most of the time."""
    monkeypatch.setattr(restoring, "CHECKS", ())
    monkeypatch.setattr(restoring, "DATA_CHECKS", ())


def test_restored_site_has_every_row_and_byte_and_is_verified(site: Site) -> None:
    done = manage("backup")
    assert done.code == 0, done
    assert "20 objects" in done.output
    assert "Not encrypted: BACKUP_KEY is not set." in done.output
    rows, content = site.read_rows(), site.read_content()
    with site.target() as target:
        done = manage("restore", "--into", target.url, "--content", str(target.content))
        assert done.code == 0, done
        checks = [line.partition(".")[0] for line in done.output.splitlines()[1:]]
        assert checks == [f"{name}: exit code 0" for name in ("schema", "drift", "scores", "storage")]
        assert target.read_rows() == rows
        assert target.read_content() == content


def test_failed_verification_is_reported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "CHECKS", restoring.CHECKS[:1])
    monkeypatch.setattr(restoring, "DATA_CHECKS", ())
    site.execute("DROP INDEX ix_storage_tombstones_hash")
    site.back_up()
    with site.target() as target:
        done = manage("restore", "--into", target.url, "--content", str(target.content))
    assert (done.code, done.errors) == (3, "Restored, but verification failed: schema.")


def test_files_of_pipelines_are_restored_under_their_names(site: Site) -> None:
    sha256 = store_setup.build_uri(b"paper").removeprefix("local://")
    for name in ("paper.pdf", "content"):
        get_content_store().put(b"paper", at=f"local://{sha256}/{name}")
    site.execute("SELECT increment_storage_refcount(%s, 'local', 'pipeline', 1)", sha256)
    site.back_up()
    with site.target() as target:
        site.restore(target)
        assert target.read_content()[f"docs/{sha256}/content"] == b"paper"
        ((uri,),) = target.execute("SELECT storage_uri FROM storage_objects WHERE sha256 = %s", sha256)
        assert uri == f"local://{sha256}/content"


def test_content_on_s3_is_restored_to_s3_or_to_a_folder(
    site: Site, both_tiers: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_setup.upload(b"on S3", name="s3", store=get_content_store("s3"))
    sha256 = store_setup.build_uri(b"on S3").removeprefix("local://")
    site.back_up()
    get_content_store("s3").delete(f"s3://{sha256}")
    with site.target() as target:
        settings.CONTENT_ROOT = target.content
        site.restore(target, content="")
        assert get_content_store("s3").read(f"s3://{sha256}") == b"on S3"
    settings.CONTENT_S3_BUCKET = ""
    with site.target() as target:
        site.restore(target)
        assert target.read_content()[f"{sha256[:2]}/{sha256}"] == b"on S3"
        select = "SELECT o.storage_uri, o.tier, d.storage_uri FROM storage_objects o JOIN documents d USING (object_id)"
        rows = target.execute(f"{select} WHERE o.sha256 = %s", sha256)
        assert rows == [(f"local://{sha256}", "local", f"local://{sha256}")]
        assert target.execute("SELECT count(*) FROM storage_tombstones") == [(0,)]


@pytest.mark.usefixtures("_no_checks")
def test_database_that_is_not_empty_is_kept_unless_overwritten(site: Site) -> None:
    site.back_up()
    with site.target() as target:
        site.restore(target)
        target.execute("UPDATE documents SET publisher = 'changed'")
        command = ["restore", "--into", target.url, "--content", str(target.content)]
        done = manage(*command)
        assert (done.code, done.output) == (8, "")
        assert "is not empty. Name a new one, or use --overwrite" in done.errors
        assert target.execute("SELECT count(*) FROM documents WHERE publisher = 'changed'") == [(20,)]
        assert manage(*command, "--overwrite").code == 0
        assert target.read_rows() == site.read_rows()


def change_manifest(site: Site, **changes: Any) -> None:
    (path,) = Path(site.backups).glob("backups/*/manifest.json")
    manifest = json.loads(path.read_text())
    manifest["database"] |= changes
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"revision": "20991231_future"}, "at revision 20991231_future, which this version of the site does not know"),
        ({"server_major": 99}, "The backup is of PostgreSQL 99, and the server runs 1"),
        ({"extensions": ["vector", "no_such"]}, "lacks extensions that the backup needs: no_such. Install"),
        ({"roles": ["no_such"]}, "lacks roles that the backup needs: no_such. Create them, or use --no-privileges"),
    ],
)
def test_backup_that_does_not_fit_is_refused(changes: dict[str, Any], message: str, site: Site) -> None:
    site.back_up()
    change_manifest(site, **changes)
    with site.target() as target:
        done = manage("restore", "--into", target.url, "--content", str(target.content))
        assert done.code == 5
        assert message in done.errors
        assert not target.exists()
        assert not target.content.exists()


def test_grants_are_left_out_on_request(site: Site) -> None:
    site.back_up()
    change_manifest(site, roles=["no_such"])
    with site.target() as target:
        site.restore(target, with_privileges=False)
        assert target.read_rows() == site.read_rows()


def test_backup_of_an_earlier_revision_is_restored_for_migration(site: Site) -> None:
    previous = revisions.ids()[-2]
    assert manage("migrate_alembic", previous, "--allow-destructive", revisions.head()).code == 0
    site.back_up()
    with site.target() as target:
        done = manage("restore", "--into", target.url, "--content", str(target.content))
        assert done.code == 7, done
        assert done.errors == "Run migrate, migrate_alembic, verify_scores and storage_verify on the restored database."


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("act", [truncate, Path.unlink])
@pytest.mark.parametrize("pattern", ["backups/*/dump", "backups/*/contents", "content/*/*"])
@pytest.mark.parametrize("key", ["", KEY])
def test_damaged_file_is_named_and_nothing_is_restored(
    key: str, pattern: str, act: Callable[[Path], None], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_KEY", key)
    site.back_up()
    path = min(Path(site.backups).glob(pattern))
    act(path)
    with site.target() as target:
        done = manage("restore", "--into", target.url, "--content", str(target.content))
        assert done.code == 5
        assert f"do not match their hash: {path.relative_to(site.backups)}. Nothing was restored" in done.errors
        assert not target.exists()
        assert not target.content.exists()


def test_damaged_content_is_copied_again_by_the_next_backup(site: Site) -> None:
    site.back_up()
    first, second = sorted(Path(site.backups).glob("content/*/*"))[:2]
    truncate(first)
    second.unlink()
    assert site.back_up().copied_count == 2
    with site.target() as target:
        site.restore(target)
        assert target.read_content() == site.read_content()


def test_object_missing_in_the_store_is_reported_and_the_rest_restored(site: Site) -> None:
    get_content_store().delete(store_setup.build_uri(DOCUMENTS[3]))
    done = manage("backup")
    assert done.code == 3
    assert f"The content store has no object at {store_setup.build_uri(DOCUMENTS[3])}." in done.output
    with site.target() as target:
        site.restore(target)
        assert len(target.read_content()) == 19
        assert target.execute("SELECT count(*) FROM storage_objects") == [(StorageObject.objects.count(),)]


def test_place_without_backups_is_refused(site: Site) -> None:
    with site.target() as target, pytest.raises(BackupError, match="There are no backups in this place"):
        site.restore(target)
