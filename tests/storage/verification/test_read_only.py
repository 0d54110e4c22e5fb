"""Checking changes nothing: the database would not let it, and nothing is other than before."""

from pathlib import Path
from typing import Any

import pytest
from django.db import InternalError, connection, transaction

from ncfd_site.core import sql
from storage.models import StorageObject
from storage.verification.reading import read, read_value
from tests import factories
from tests.storage.verification.prepared import everything_wrong, right_content
from tests.storage.verification.site import Site, command

TABLES = ("storage_objects", "storage_references", "storage_tombstones", "storage_events", "documents", "studies")


def state_of_rows() -> dict[str, Any]:
    """Every version of every row: an update would change it even where it changes no column."""
    return {
        table: sql.value(f"SELECT array_agg((t.ctid, t.xmin, t.*)::text ORDER BY t.ctid) FROM {table} t")
        for table in TABLES
    }


def state_of_files(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [[], ["--json"], ["--sample", "50%"]])
def test_nothing_is_written(site: Site, arguments: list[str], tmp_path: Path) -> None:
    right_content()
    everything_wrong(site)
    before = state_of_rows(), state_of_files(tmp_path), site.harnesses["s3"].count()
    statements: list[str] = []

    def listen(execute: Any, query: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(query)
        return execute(query, params, many, context)

    with connection.execute_wrapper(listen):
        assert command("storage_verify", *arguments).code == 3
    assert (state_of_rows(), state_of_files(tmp_path), site.harnesses["s3"].count()) == before
    asked = [one for one in statements if "SAVEPOINT" not in one]
    assert set(asked[::2]) == {"SET TRANSACTION READ ONLY"}
    assert all("SELECT" in one and "UPDATE" not in one for one in asked[1::2])


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_a_write_while_checking() -> None:
    factories.make_storage_object()
    with pytest.raises(InternalError, match="read-only transaction"):
        read_value("DELETE FROM storage_objects RETURNING object_id")
    assert StorageObject.objects.count() == 1
    # What is read-only ends with the read, also inside somebody's transaction.
    with transaction.atomic():
        assert read_value("SELECT count(*) FROM storage_objects") == 1
        StorageObject.objects.all().delete()
    assert StorageObject.objects.count() == 0
    assert read("SELECT 1 AS number WHERE false", of=dict) == []
