"""Verification is read-only."""

from pathlib import Path
from typing import Any

import pytest
from django.db import InternalError, connection, transaction

from ncfd_site.core import sql
from storage.models import StorageObject
from storage.verification.passes import read_rows, read_value
from tests import factories
from tests.storage.verification.scenarios import create_all_errors, create_valid_objects
from tests.storage.verification.site import Site, run_command

TABLES = ("storage_objects", "storage_references", "storage_tombstones", "storage_events", "documents", "studies")


def read_rows_state() -> dict[str, Any]:
    """Return all row versions, which also an update without changes would change."""
    return {
        table: sql.value(f"SELECT array_agg((t.ctid, t.xmin, t.*)::text ORDER BY t.ctid) FROM {table} t")
        for table in TABLES
    }


def read_files_state(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [[], ["--json"], ["--sample", "50%"]])
def test_verification_writes_nothing(site: Site, arguments: list[str], tmp_path: Path) -> None:
    create_valid_objects()
    create_all_errors(site)
    before = read_rows_state(), read_files_state(tmp_path), site.harnesses["s3"].count()
    statements: list[str] = []

    def record(execute: Any, query: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(query)
        return execute(query, params, many, context)

    with connection.execute_wrapper(record):
        assert run_command("storage_verify", *arguments).code == 3
    assert (read_rows_state(), read_files_state(tmp_path), site.harnesses["s3"].count()) == before
    queries = [one for one in statements if "SAVEPOINT" not in one]
    assert set(queries[::2]) == {"SET TRANSACTION READ ONLY"}
    assert all("SELECT" in one and "UPDATE" not in one for one in queries[1::2])


@pytest.mark.django_db(transaction=True)
def test_database_rejects_writes_during_verification() -> None:
    factories.make_storage_object()
    with pytest.raises(InternalError, match="read-only transaction"):
        read_value("DELETE FROM storage_objects RETURNING object_id")
    assert StorageObject.objects.count() == 1
    # The restriction ends with the read, also inside a transaction.
    with transaction.atomic():
        assert read_value("SELECT count(*) FROM storage_objects") == 1
        StorageObject.objects.all().delete()
    assert StorageObject.objects.count() == 0
    assert read_rows("SELECT 1 AS number WHERE false", of=dict) == []
