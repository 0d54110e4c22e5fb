"""Copies of the project with other revisions."""

import shutil
from pathlib import Path

from ncfd_site.schema.deploy import revisions
from tests.migration.test_contract import PROJECT

# Bytecode is copied: compiling the project takes longer than a run. Its unfinished files may vanish.
_LEFT_OUT = (".*", "tests", "bench", "docs", "build", "requirements", "*.pyc.*")

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
    """Copy the code of the project; return the folder of the copy."""
    target = folder / "project"
    shutil.copytree(PROJECT, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return target


def versions(project: Path) -> Path:
    """Return the folder of the revisions of a copy."""
    return project / "ncfd_site" / "schema" / "versions"


def add_revision(project: Path, revision: str, up: str, down: str = "SELECT 1;", after: str = "") -> Path:
    """Add a revision after another one, by default after head; return the file of its upgrade."""
    file = versions(project) / f"{revision}.py"
    file.write_text(_REVISION.format(about="Of a test", revision=revision, down=after or revisions.head()))
    file.with_suffix(".down.sql").write_text(down)
    upgrade = file.with_suffix(".up.sql")
    upgrade.write_text(up)
    return upgrade
