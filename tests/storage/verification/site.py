"""Site with objects in both stores, and helpers that change rows and files directly."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.utils import timezone

from ncfd_site.core import sql
from storage.content import get_content_store
from storage.models import Document, StorageObject
from tests import factories
from tests.storage.content.harness import StoreHarness


@dataclass(frozen=True, slots=True)
class Site:
    """StorePool of a site by backend, and the folder of the local one."""

    harnesses: dict[str, StoreHarness]
    root: Path

    def overwrite(self, row: StorageObject, data: bytes) -> None:
        """Overwrite the data of an object."""
        self.harnesses[row.tier].overwrite(row.sha256, data)

    def remove(self, row: StorageObject) -> None:
        """Remove the data of an object."""
        self.harnesses[row.tier].remove(row.sha256)


def store_object(data: bytes, backend: str = "local", **fields: Any) -> StorageObject:
    """Create an object with its data."""
    sha256 = hashlib.sha256(data).hexdigest()
    row = factories.make_storage_object(
        data, **{"backend_type": backend, "tier": backend, "storage_uri": f"{backend}://{sha256}", **fields}
    )
    get_content_store(backend).put(data)
    return row


def add_reference(content: StorageObject, kind: str, key: int) -> None:
    """Add a reference."""
    sql.scalar("increment_storage_refcount", content.sha256, content.backend_type, kind, key)


def create_document(content: StorageObject, **fields: Any) -> Document:
    """Create a document with an object and its reference."""
    fields = {"object": content, "sha256": content.sha256, "storage_uri": content.storage_uri, **fields}
    document = factories.make_document(**fields)
    add_reference(content, "document", document.pk)
    return document


@contextmanager
def triggers_disabled() -> Iterator[None]:
    """Disable triggers, as a restore does; inside a transaction."""
    sql.execute("SET LOCAL session_replication_role = replica")
    yield
    sql.execute("SET LOCAL session_replication_role = origin")


def age_reference(kind: str, key: int, **age: float) -> None:
    """Set the age of a reference."""
    sql.execute(
        "UPDATE storage_references SET created_at = now() - %s WHERE reference_type = %s AND referenced_id = %s",
        [timedelta(**age), kind, key],
    )


def age_file(path: Path, **age: float) -> None:
    """Set the age of a file."""
    then = (timezone.now() - timedelta(**age)).timestamp()
    os.utime(path, (then, then))


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Exit code, output and error of a command."""

    code: int
    out: str
    error: str

    @property
    def lines(self) -> list[str]:
        """Return the output by line."""
        return self.out.splitlines()


def run_command(name: str, *arguments: Any) -> CommandResult:
    """Run a management command."""
    out, code, message = StringIO(), 0, ""
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=out)
    except CommandError as error:
        code, message = error.returncode, str(error)
    return CommandResult(code, out.getvalue(), message)
