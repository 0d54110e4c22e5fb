"""A site with content in both stores, and hands behind their backs."""

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
    """The stores of a site by their backend, and the folder of the local one."""

    harnesses: dict[str, StoreHarness]
    root: Path

    def overwrite(self, content: StorageObject, data: bytes) -> None:
        """Let other bytes lie where the row says."""
        self.harnesses[content.tier].overwrite(content.sha256, data)

    def remove(self, content: StorageObject) -> None:
        """Let nothing lie where the row says."""
        self.harnesses[content.tier].remove(content.sha256)


def keep(data: bytes, backend: str = "local", **fields: Any) -> StorageObject:
    """Make an object, and put its bytes where its row says."""
    sha256 = hashlib.sha256(data).hexdigest()
    made = factories.make_storage_object(
        data, **{"backend_type": backend, "tier": backend, "storage_uri": f"{backend}://{sha256}", **fields}
    )
    get_content_store(backend).put(data)
    return made


def refer(content: StorageObject, kind: str, key: int) -> None:
    """Count a reference."""
    sql.scalar("increment_storage_refcount", content.sha256, content.backend_type, kind, key)


def make_document_of(content: StorageObject, **fields: Any) -> Document:
    """Make a document with that content, counted."""
    fields = {"object": content, "sha256": content.sha256, "storage_uri": content.storage_uri, **fields}
    document = factories.make_document(**fields)
    refer(content, "document", document.pk)
    return document


@contextmanager
def as_after_a_restore() -> Iterator[None]:
    """Write rows with the triggers disabled; inside a transaction."""
    sql.execute("SET LOCAL session_replication_role = replica")
    yield
    sql.execute("SET LOCAL session_replication_role = origin")


def age_reference(kind: str, key: int, **age: float) -> None:
    """Let a reference have been made so long ago."""
    sql.execute(
        "UPDATE storage_references SET created_at = now() - %s WHERE reference_type = %s AND referenced_id = %s",
        [timedelta(**age), kind, key],
    )


def age_file(path: Path, **age: float) -> None:
    """Let a file have been written so long ago."""
    then = (timezone.now() - timedelta(**age)).timestamp()
    os.utime(path, (then, then))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code, what it printed, its last sentence."""

    code: int
    out: str
    said: str

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line."""
        return self.out.splitlines()


def command(name: str, *arguments: Any) -> Ended:
    """Run a command of the site."""
    out, code, said = StringIO(), 0, ""
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=out)
    except CommandError as error:
        code, said = error.returncode, str(error)
    return Ended(code, out.getvalue(), said)
