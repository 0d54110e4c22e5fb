"""The command export_snapshot: every table, of one moment, whole or not at all."""

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.progress import NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.exports import parquet
from ncfd_site.jobs import queue
from storage import snapshots
from storage.content.s3_client import get_s3_client
from storage.management.commands import export_snapshot
from tests.exports.rows import read_database, read_file
from tests.factories import make_user
from tests.jobs.conftest import run
from tests.migration.generator.rows import fill
from tests.sql import Database
from tests.storage.backup.sites import Site
from tests.storage.content.harness import BUCKET, build_s3_location

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def db() -> Iterator[Database]:
    """Return another connection to the database of the site."""
    keywords = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: keywords[name] for name in names if name in keywords}, autocommit=True) as found:
        found.execute("SET timezone = 'UTC'")
        yield found


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def export(target: object) -> str:
    out = StringIO()
    call_command(export_snapshot.Command(), "--to", str(target), stdout=out)
    return out.getvalue()


def refuse(target: object) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        export(target)
    return refused.value.returncode, str(refused.value)


def read_manifest(target: Path) -> tuple[Path, dict[str, Any]]:
    folder = target / json.loads((target / "snapshots.json").read_text())["latest"]
    return folder, json.loads((folder / "manifest.json").read_text())


def require_equal(folder: Path, manifest: Mapping[str, Any], db: Database) -> int:
    """Compare every file of a snapshot with its table; return the number of rows."""
    for table in manifest["tables"]:
        content = (folder / table["file"]).read_bytes()
        assert (table["bytes"], table["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        expected = read_database(db, table["name"])
        assert read_file(folder / table["file"]) == expected, table["name"]
        assert table["rows"] == expected.total()
    return sum(table["rows"] for table in manifest["tables"])


@pytest.mark.parametrize("seed", [1, 2])
def test_every_table_is_read_back_row_for_row(db: Database, target: Path, seed: int) -> None:
    # What pipelines add.
    db.execute("CREATE TYPE tone AS ENUM ('up', 'down')")
    db.execute('CREATE TABLE "pipe/line" (id int, tones tone[], place point, weights float8[], "a ""b""" text)')
    db.execute(
        """INSERT INTO "pipe/line" VALUES (1, '{up,NULL}', '(1,2)', '{0.1,NaN}', E'\\n'), (2, NULL, NULL, NULL, '')"""
    )
    db.execute("ALTER TABLE scores ADD tone tone DEFAULT 'up', ADD extra jsonb")
    assert fill(db, random.Random(seed), 12) > 100
    output = export(target)
    folder, manifest = read_manifest(target)
    tables = {table["name"]: table for table in manifest["tables"]}
    listed = db.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    prefixes = ("auth_", "axes_", "django_", "procrastinate_")
    assert tables.keys() == {name for (name,) in listed if not name.startswith(prefixes)}
    assert len(tables) > 50
    rows = require_equal(folder, manifest, db)
    assert output.startswith(
        f"Snapshot of {manifest['time'][:19].replace('T', ' ')} UTC in {folder}: {len(tables)} tables"
    )
    assert f", {rows:,} rows, " in output
    assert manifest["revision"] == db.execute("SELECT version_num FROM alembic_version").fetchall()[0][0]
    assert {name for name, table in tables.items() if not table["is_ours"]} == {"pipe/line"}
    added = {column["name"] for column in tables["scores"]["columns"] if not column["is_ours"]}
    assert added == {"tone", "extra"}
    assert tables["pipe/line"]["file"] == "pipe%2Fline.parquet"
    columns = {column["name"]: column for column in tables["pipe/line"]["columns"]}
    assert [name for name, column in columns.items() if not column["is_type_known"]] == ["place"]
    assert (columns["tones"]["type"], columns["place"]["stored"]) == ("tone[]", "string")
    assert {column["name"]: column["stored"] for column in tables["scores"]["columns"]}["tone"].startswith("dictionary")


class Acting(NullReporter):
    """Calls a function after the first table."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act: Callable[[], object] | None = act

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        if count and self._act:
            act, self._act = self._act, None
            act()


def test_changes_during_the_export_are_not_in_it(db: Database, target: Path) -> None:
    fill(db, random.Random(4), 5)
    before = {table: read_database(db, table) for table in ("assets", "exchanges", "trials")}

    def change() -> None:
        db.execute("INSERT INTO trials (nct_id, is_pivotal, last_seen_at) VALUES ('NCT12345678', true, now())")
        db.execute("UPDATE assets SET moa = 'changed'")
        db.execute("INSERT INTO exchanges (code, name, country) VALUES ('NEW', 'New', 'US')")
        # It would empty the moment too.
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("SET lock_timeout = '50ms'; TRUNCATE staging_errors")

    snapshot = snapshots.export_snapshot(str(target), Acting(change))
    after = {table: read_database(db, table) for table in before}
    assert all(after[table] != before[table] for table in before)
    assert {table: read_file(target / snapshot.moment.folder / f"{table}.parquet") for table in before} == before


def test_the_moment_is_not_before_what_the_export_waits_for(db: Database, target: Path) -> None:
    db.execute("INSERT INTO staging_errors (error_type, error_message) VALUES ('x', 'x')")
    waiting = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'ncfd export_snapshot' AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as threads:
        with db.transaction():
            # A moment before the end of this would have no row of both tables.
            db.execute("TRUNCATE staging_errors")
            db.execute("INSERT INTO assets (names_jsonb) VALUES ('{}')")
            exported = threads.submit(_export_in_thread, target)
            while not db.execute(waiting).rowcount:
                assert not exported.done(), exported.result()
                db.execute("SELECT pg_stat_clear_snapshot()")
                time.sleep(0.01)
        exported.result()
    _, manifest = read_manifest(target)
    rows = {table["name"]: table["rows"] for table in manifest["tables"]}
    assert (rows["staging_errors"], rows["assets"]) == (0, 1)


def _export_in_thread(target: Path) -> None:
    try:
        snapshots.export_snapshot(str(target), NullReporter())
    finally:
        connection.close()


@pytest.fixture
def site(db: Database, target: Path) -> Site:
    """Return a site with a table that takes a while."""
    db.execute("CREATE TABLE zzz AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 100000) n")
    keywords = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    return Site({name: keywords[name] for name in names if name in keywords}, target / "content", "")


@pytest.mark.parametrize("stop", ["kill", "terminate"])
def test_a_stopped_export_leaves_no_snapshot_and_the_next_has_a_new_moment(
    db: Database, site: Site, target: Path, stop: str
) -> None:
    process = site.start("export_snapshot", "--to", str(target))
    while not list(target.glob("*/trials.parquet")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    getattr(process, stop)()
    errors = process.communicate()[1]
    (stopped, *_) = [path.name for path in target.iterdir() if path.is_dir() and path.name != "incoming"] or [""]
    assert list(target.glob("*/manifest.json")) == []
    assert json.loads((target / "snapshots.json").read_text())["latest"] is None
    if stop == "terminate":
        assert (process.returncode, stopped) == (ExitCode.STOPPED, "")
        assert errors.endswith(
            "Stopped. Nothing of this snapshot is kept; run the same command again for a snapshot of a new moment.\n"
        )
    db.execute("DELETE FROM zzz WHERE n > 1")
    output = export(target)
    folder, manifest = read_manifest(target)
    assert [path.name for path in target.iterdir() if path.is_dir() and path.name != "incoming"] == [folder.name]
    assert ("Discarded 1 incomplete snapshot of stopped exports: " + stopped in output) is (stop == "kill")
    assert {table["name"]: table["rows"] for table in manifest["tables"]}["zzz"] == 1
    require_equal(folder, manifest, db)


def test_snapshots_stand_side_by_side(db: Database, target: Path) -> None:
    export(target)
    first, _ = read_manifest(target)
    export(target)
    second, _ = read_manifest(target)
    assert first < second
    assert (first / "manifest.json").exists()


def test_a_destination_with_something_else_is_refused(db: Database, target: Path) -> None:
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    assert refuse(target) == (
        ExitCode.USAGE,
        "The destination is not empty and has no snapshots. Name an empty one, or one of earlier snapshots.",
    )
    (target / "snapshots.json").write_text('{"format": "another"}')
    assert refuse(target)[0] == ExitCode.USAGE
    assert sorted(path.name for path in target.iterdir()) == ["notes.txt", "snapshots.json"]
    code, message = refuse(target / "notes.txt")
    assert code == ExitCode.FAILED
    assert message.startswith(f"The folder of snapshots {target / 'notes.txt'} cannot be used: ")


def test_one_export_at_a_time(db: Database, target: Path) -> None:
    db.execute("SELECT pg_advisory_lock(%s)", [snapshots.LOCK_KEY])
    assert refuse(target) == (ExitCode.LOCKED, "Another snapshot is being exported. Wait until it is finished.")
    assert not target.exists()


def test_a_locked_table_is_not_awaited_for_ever(db: Database, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "BEGIN", snapshots.BEGIN.replace("60s", "50ms"))
    with db.transaction():
        db.execute("LOCK TABLE trials")
        code, message = refuse(target)
    assert (code, message.partition(" for ")[0]) == (ExitCode.LOCKED, "A table was locked by another session")


def test_files_that_another_program_deletes_are_noticed(db: Database, target: Path) -> None:
    def delete() -> None:
        (file,) = target.glob("*/*.parquet")
        file.unlink()

    with pytest.raises(snapshots.SnapshotError, match="Another program changed the folder"):
        snapshots.export_snapshot(str(target), Acting(delete))
    assert list(target.glob("*/*.*")) == []


@pytest.fixture
def role(db: Database) -> Iterator[str]:
    """Let the site connect as a role that may read all tables of the schema and of Django."""
    name = f"ncfd_snapshot_{uuid.uuid4().hex[:8]}"
    db.execute(
        sql.SQL("CREATE ROLE {0}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {0}").format(sql.Identifier(name))
    )
    with connection.cursor() as cursor:
        cursor.execute(f'SET ROLE "{name}"')
    yield name
    connection.close()
    db.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def test_only_tables_of_others_may_be_unreadable(db: Database, target: Path, role: str) -> None:
    db.execute("CREATE TABLE theirs (id int); CREATE TABLE empty ()")
    db.execute(f'GRANT SELECT ON empty TO "{role}"')
    db.execute("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w")
    db.execute(f'CREATE FOREIGN TABLE away (id int) SERVER s; GRANT SELECT ON away TO "{role}"')
    output = export(target)
    _, manifest = read_manifest(target)
    assert manifest["skipped"] == {
        "away": 'its server fails (foreign-data wrapper "w" has no handler)',
        "empty": "no columns",
        "theirs": "no permission to read it",
    }
    assert "Skipped table theirs: no permission to read it.\n" in output
    db.execute(f'REVOKE SELECT ON trials FROM "{role}"')
    assert refuse(target) == (
        ExitCode.REFUSED,
        "The database user must not read trials. GRANT SELECT on all tables of schema public.",
    )


def test_a_policy_that_hides_rows_stops_the_export(db: Database, target: Path, role: str) -> None:
    db.execute("ALTER TABLE trials ENABLE ROW LEVEL SECURITY")
    code, message = refuse(target)
    assert code == ExitCode.FAILED
    assert 'query would be affected by row-level security policy for table "trials"' in message
    assert list(target.glob("*/*.*")) == []


def test_snapshots_on_s3(
    db: Database, target: Path, settings: Any, s3_credentials: None, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CONTENT_S3_ENDPOINT, settings.CONTENT_S3_REGION = s3_endpoint, "us-east-1"
    client = get_s3_client(build_s3_location(s3_endpoint))
    prefix = f"snapshots/{uuid.uuid4().hex}"
    to = f"s3://{BUCKET}/{prefix}"

    def list_keys() -> list[str]:
        found = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
        return [entry["Key"].removeprefix(f"{prefix}/") for entry in found]

    fill(db, random.Random(5), 5)
    # An export that was killed.
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "_discard_folder", lambda destination, folder: None)
        with pytest.raises(ZeroDivisionError):
            snapshots.export_snapshot(to, Acting(lambda: 1 / 0))
    (unfinished,) = [key for key in list_keys() if key != "snapshots.json"]
    assert f"Discarded 1 incomplete snapshot of stopped exports: {unfinished.partition('/')[0]}." in export(to)
    for key in list_keys():
        file = target / key
        file.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(BUCKET, f"{prefix}/{key}", str(file))
    folder, manifest = read_manifest(target)
    assert {path.relative_to(target).parts[0] for path in target.glob("*/*")} == {folder.name}
    assert require_equal(folder, manifest, db) > 50
    assert refuse(f"s3://{BUCKET}/snapshots")[0] == ExitCode.USAGE
    assert refuse("s3://no-such-bucket/x") == (
        ExitCode.FAILED,
        "The bucket of snapshots has no such bucket (404 NoSuchBucket). Check its name and CONTENT_S3_ENDPOINT. "
        + export_snapshot.Command.when_interrupted,
    )


def test_a_job_exports_a_snapshot(db: Database, target: Path) -> None:
    job = queue.start("storage_snapshot", {"to": str(target)}, actor=make_user(Role.OPERATOR))
    log = run()
    folder, manifest = read_manifest(target)
    job.refresh_from_db()
    assert job.result is not None
    assert job.result["folder"] == folder.name
    assert f"Job {job.pk} is done: Snapshot of " in log[-1]
    # The job itself was running at the moment of the snapshot.
    read = duckdb.execute(f"SELECT kind, state FROM '{folder / 'site_jobs.parquet'}'").fetchall()
    assert read == [("storage_snapshot", "running")]
    assert len(manifest["tables"]) > 50


def test_progress_shows_the_rate(db: Database, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 2)
    db.execute("INSERT INTO exchanges (code, name, country) SELECT 'X' || n, 'X', 'US' FROM generate_series(1, 5) n")
    notes: list[str] = []

    class Listening(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
            notes.append(note)

    snapshots.export_snapshot(str(target), Listening())
    found = [note for note in notes if note.startswith("exchanges, ")]
    assert len(found) >= 3
    assert all(note.endswith(" rows/s") and int(note.split()[1].replace(",", "")) > 0 for note in found)
