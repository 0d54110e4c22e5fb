"""Restores: verify every file of a backup, restore content, then the database in one transaction, then verify both."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.schema.deploy import revisions, session
from storage.backup.destinations import parse_s3_location
from storage.backup.errors import BackupDamagedError, BackupError
from storage.backup.files import BackupFiles
from storage.backup.manifest import Manifest, read_manifests
from storage.backup.programs import feed_input, find_programs
from storage.backup.services import BATCH, FileDigest, read_contents
from storage.backup.snapshot import count_rows
from storage.content import ContentStore, get_content_store
from storage.content.backends import map_concurrently
from storage.content.base import CONTENT, PLACEHOLDER_BUCKET, ContentError, parse_uri
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import get_s3_client

# Commands that verify a restored database, and those that need the newest revision.
CHECKS = (("schema", "migrate_alembic", "--verify-only"), ("drift", "migrate_alembic", "--drift"))
DATA_CHECKS = (("scores", "verify_scores"), ("storage", "storage_verify"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """Target of a restore: psycopg keywords of the database, and where all content goes, "" for the site's stores."""

    into: Mapping[str, Any]
    content: str = ""
    overwrite: bool = False
    with_privileges: bool = True


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Name, exit code and last line of a verification."""

    name: str
    exit_code: int
    message: str


def find_backup(files: BackupFiles, name: str = "") -> Manifest:
    """Return a complete backup, the newest by default; raises `BackupError`, also if its revision is unknown."""
    files.open()
    manifests = [manifest for manifest in read_manifests(files) if name in ("", manifest.name)]
    if not manifests:
        raise BackupError(f"There is no complete backup {name}".rstrip() + " in this place.")
    manifest = manifests[-1]
    if manifest.database.revision not in revisions.ids():
        raise BackupError(
            f"The backup is at revision {manifest.database.revision}, which this version of the site does not know. "
            "Restore it with the version that made it, or a newer one."
        )
    return manifest


def verify_backup(files: BackupFiles, manifest: Manifest, reporter: ProgressReporter) -> None:
    """Read every file and compare its hash; raises `BackupDamagedError` that names the damaged ones."""
    reporter.begin("Verifying the backup", manifest.object_count + 2, "files")
    expected = {manifest.path("dump"): manifest.dump.sha256, manifest.path("contents"): manifest.contents.sha256}
    damaged = [name for name, sha256 in expected.items() if _is_damaged(files, name, sha256)]
    reporter.advance(2)
    entries = read_contents(files, manifest) if manifest.path("contents") not in damaged else iter(())
    while batch := list(islice(entries, BATCH)):
        answers = map_concurrently(lambda entry: _is_damaged(files, entry["name"], entry["sha256"]), batch)
        damaged += [entry["name"] for entry, is_damaged in zip(batch, answers, strict=True) if is_damaged]
        reporter.advance(len(batch))
    if damaged:
        more = f" and {len(damaged) - 10:,} more" if len(damaged) > 10 else ""
        raise BackupDamagedError(
            f"The backup {manifest.name} is damaged. These files are missing or do not match their hash: "
            f"{', '.join(damaged[:10])}{more}. Nothing was restored. Use another backup."
        )


def restore(files: BackupFiles, manifest: Manifest, options: RestoreOptions, reporter: ProgressReporter) -> None:
    """Restore a verified backup: content first, so that rows never name missing data.

    A new database has its name once it is complete. With `overwrite`, the old one is dropped then. Raises `UserError`.
    """
    name = options.into["dbname"]
    with session.connect({**options.into, "dbname": "postgres"}) as server:
        _require_compatible(server, manifest, options)
        work = _create_database(server, options)
        moved = _restore_content(files, manifest, options, reporter)
        _restore_database(files, manifest, {**options.into, "dbname": work}, options, reporter, moved)
        if work != name:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (work, name))))


def run_checks(manifest: Manifest, options: RestoreOptions) -> Iterator[CheckResult]:
    """Yield the result of each verification of a restored database and its content.

    Scores and storage are verified at head only.
    """
    is_head = manifest.database.revision == revisions.head()
    for name, *command in CHECKS + (DATA_CHECKS if is_head else ()):
        process = subprocess.run(
            [sys.executable, settings.BASE_DIR / "manage.py", *command],
            env=_build_environment(options),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in f"{process.stdout}\n{process.stderr}".splitlines() if line.strip()]
        yield CheckResult(name, process.returncode, lines[-1].strip() if lines else "")


def _build_environment(options: RestoreOptions) -> dict[str, str]:
    """Return the environment of a site on the restored database."""
    own = ("DATABASE_URL_FILE", "SECRET_KEY_FILE", "DEBUG")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= {"DATABASE_URL": make_conninfo(**options.into), "SECRET_KEY": secrets.token_urlsafe(50)}
    environment |= {"ALLOWED_HOSTS": "localhost", "CONTENT_ROOT": str(settings.CONTENT_ROOT)}
    if location := parse_s3_location(options.content):
        environment |= {"CONTENT_S3_BUCKET": location.bucket, "CONTENT_S3_PREFIX": location.prefix}
    elif options.content:
        environment["CONTENT_ROOT"] = options.content
    return environment


def _create_database(server: session.Connection, options: RestoreOptions) -> str:
    """Create a database and return its name; an empty one that exists is used as it is."""
    name, work = options.into["dbname"], f"{options.into['dbname']}_restoring"
    if server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount and not options.overwrite:
        if _has_tables(options.into):
            raise BackupError(
                f"The database {name} is not empty. Name a new one, or use --overwrite, which replaces it.",
                ExitCode.CONSENT_NEEDED,
            )
        return str(name)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(work)))
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(work)))
    return work


def _restore_database(
    files: BackupFiles,
    manifest: Manifest,
    into: Mapping[str, Any],
    options: RestoreOptions,
    reporter: ProgressReporter,
    moved: Mapping[str, str],
) -> None:
    """Restore the dump in one transaction, compare the numbers of rows, and write the new addresses."""
    reporter.begin("Restoring the database", manifest.dump.size, "bytes")

    def report() -> Iterator[bytes]:
        for chunk in files.read(manifest.path("dump")):
            yield chunk
            reporter.advance(len(chunk))

    with session.connect(into) as connection:
        program = find_programs(connection.info.server_version // 10_000, "pg_restore") / "pg_restore"
        arguments = ["--single-transaction", "--exit-on-error", "--no-owner"]
        arguments += [] if options.with_privileges else ["--no-privileges"]
        feed_input(program, *arguments, parameters=into, chunks=report())
        found, expected = count_rows(connection), manifest.database.row_counts
        if found != expected:
            different = sorted(name for name in found | expected if found.get(name) != expected.get(name))
            raise BackupError(f"Tables have other numbers of rows than in the backup: {', '.join(different)}.")
        _move_rows(connection, moved, has_own_content=bool(options.content))
        connection.execute("ANALYZE")


def _require_compatible(server: session.Connection, manifest: Manifest, options: RestoreOptions) -> None:
    facts, major = manifest.database, server.info.server_version // 10_000
    if major < facts.server_major:
        raise BackupError(f"The backup is of PostgreSQL {facts.server_major}, and the server runs {major}.")
    query = "SELECT name FROM unnest(%s::text[]) AS name WHERE name NOT IN (SELECT {} FROM {})"
    for kind, column, table, advice in (
        ("extensions", "name", "pg_available_extensions", "Install their packages on the server"),
        ("roles", "rolname", "pg_roles", "Create them, or use --no-privileges"),
    ):
        wanted = [name for name in getattr(facts, kind) if kind == "extensions" or options.with_privileges]
        lacking = server.execute(
            sql.SQL(query).format(sql.Identifier(column), sql.Identifier(table)), [wanted]
        ).fetchall()
        if lacking:
            names = ", ".join(str(name) for (name,) in lacking)
            raise BackupError(f"The server lacks {kind} that the backup needs: {names}. {advice}.")


def _has_tables(parameters: Mapping[str, Any]) -> bool:
    with session.connect(parameters) as connection:
        query = "SELECT FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'm', 'S', 'p') LIMIT 1"
        return connection.execute(query).rowcount > 0


def _restore_content(
    files: BackupFiles, manifest: Manifest, options: RestoreOptions, reporter: ProgressReporter
) -> dict[str, str]:
    """Write each object to each of its addresses; return the new address of those that changed."""
    stores = _Stores(options.content)
    moved: dict[str, str] = {}
    reporter.begin("Restoring content", manifest.object_count, "objects")
    entries = read_contents(files, manifest)
    while batch := list(islice(entries, BATCH)):
        targets = {uri: stores.find_target(uri) for entry in batch for uri in entry["uris"]}
        map_concurrently(partial(_write_object, files, targets), batch)
        moved |= {uri: target for uri, (_, target) in targets.items() if target != uri}
        reporter.advance(len(batch))
    return moved


class _Stores:
    """The stores of the site, or the one place that gets all content."""

    def __init__(self, content: str) -> None:
        self._only: ContentStore | None = None
        self._stores: dict[str, ContentStore] = {}
        if location := parse_s3_location(content):
            self._only = S3ContentStore(get_s3_client(location), location.bucket, location.prefix)
        elif content:
            self._only = LocalContentStore(Path(content))

    def find_target(self, uri: str) -> tuple[ContentStore, str]:
        """Return the store of an address, and the address there."""
        parsed = parse_uri(uri)
        store = self._only or self._stores.get(parsed.backend)
        if store is None:
            store = self._stores[parsed.backend] = get_content_store(parsed.backend)
        is_placeholder = parsed.bucket == PLACEHOLDER_BUCKET and parsed.name == CONTENT
        if is_placeholder and store.backend_type == parsed.backend:
            return store, uri
        return store, store.build_uri(parsed.sha256, parsed.name)


def _write_object(
    files: BackupFiles, targets: Mapping[str, tuple[ContentStore, str]], entry: Mapping[str, Any]
) -> None:
    for uri in entry["uris"]:
        store, target = targets[uri]
        try:
            for _ in store.iter_chunks(target):
                pass
        except ContentError:
            # Missing or damaged; an unavailable store fails again.
            store.put(files.read(entry["name"]), at=target)


def _move_rows(connection: session.Connection, moved: Mapping[str, str], *, has_own_content: bool) -> None:
    """Write the new addresses, and delete tombstones whose data is not in the new place."""
    with connection.transaction(), connection.cursor() as cursor:
        pairs = [(target, target.partition(":")[0], uri) for uri, target in moved.items()]
        cursor.executemany("UPDATE storage_objects SET storage_uri = %s, tier = %s WHERE storage_uri = %s", pairs)
        cursor.executemany(
            "UPDATE documents SET storage_uri = %s WHERE storage_uri = %s", [(a, b) for a, _, b in pairs]
        )
        if has_own_content:
            cursor.execute("DELETE FROM storage_tombstones")


def _is_damaged(files: BackupFiles, name: str, sha256: str) -> bool:
    digest = FileDigest()
    try:
        for _ in digest.track(files.read(name)):
            pass
    except BackupDamagedError:
        return True
    return digest.facts().sha256 != sha256
