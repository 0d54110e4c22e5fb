"""Copies of the folder of the revisions, with other revisions."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ncfd_site.schema.deploy import revisions

_REVISION = '''"""{about}."""

from ncfd_site.schema import revision_sql

revision = "{revision}"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
'''


def copy(folder: Path) -> Path:
    """Copy the folder of the revisions; return the folder of the copy."""
    return shutil.copytree(revisions.SCHEMA_FOLDER, folder / "schema", ignore=shutil.ignore_patterns("__pycache__"))


@contextmanager
def use(schema: Path) -> Iterator[None]:
    """Let this process take a copy for the revisions of this code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revisions, "SCHEMA_FOLDER", schema)
        patch.setattr(revisions, "RELEASED", schema / "released.json")
        _forget_files()
        try:
            yield
        finally:
            _forget_files()


def _forget_files() -> None:
    revisions.load_revisions.cache_clear()
    revisions.compute_files_digest.cache_clear()


# Does the same in a process of its own.
COMMAND = """
import os, sys
from pathlib import Path
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
from ncfd_site.schema.deploy import revisions
revisions.SCHEMA_FOLDER = Path(sys.argv[1])
revisions.RELEASED = revisions.SCHEMA_FOLDER / "released.json"
from manage import main
main(["manage.py", "migrate_alembic", *sys.argv[2:]])
"""


def add_revision(schema: Path, revision: str, up: str, down: str = "SELECT 1;", after: str = "") -> Path:
    """Add a revision after another one, by default after head; return the file of its upgrade."""
    file = schema / "versions" / f"{revision}.py"
    file.write_text(_REVISION.format(about="Of a test", revision=revision, down=after or revisions.head()))
    file.with_suffix(".down.sql").write_text(down)
    upgrade = file.with_suffix(".up.sql")
    upgrade.write_text(up)
    return upgrade
