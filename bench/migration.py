"""Cost of migrate_alembic from an empty database to head, and at head."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import make_conninfo

from bench.measure import Row, manage, renew, scratch, seconds
from ncfd_site.postgres.embedded import programs
from ncfd_site.schema.deploy import revisions


def measure(full: bool) -> Iterator[Row]:
    """Return a row for an empty database and one for a database at head."""
    repeat = 9 if full else 3
    with scratch() as keywords, tempfile.TemporaryDirectory() as folder:
        manage(keywords, "migrate_alembic")
        dump = Path(folder) / "schema.sql"
        with dump.open("wb") as file:
            # The dump has the rows that the revisions insert.
            subprocess.run([programs.find_program("pg_dump"), make_conninfo(**keywords)], stdout=file, check=True)

        def empty() -> None:
            renew(keywords, keywords["dbname"])

        def psql() -> None:
            arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump), make_conninfo(**keywords)]
            subprocess.run([programs.find_program("psql"), *arguments], stdout=subprocess.DEVNULL, check=True)

        ours = seconds(lambda: manage(keywords, "migrate_alembic"), before=empty, repeat=repeat)
        base = seconds(psql, before=empty, repeat=repeat)
        yield Row(
            "migrate_alembic, empty to head",
            "psql -f dump",
            f"{len(revisions.ids())} revisions",
            f"{ours:.2f} s",
            f"{base:.2f} s",
            ours / base,
            "starts Python and Django, verifies; grows with the number of revisions",
        )

        manage(keywords, "migrate", "--verbosity", "0", "--skip-checks")
        manage(keywords, "migrate_alembic")
        ours = seconds(lambda: manage(keywords, "migrate_alembic"), repeat=repeat)
        base = seconds(lambda: manage(keywords, "migrate", "--check"), repeat=repeat)
        yield Row(
            "migrate_alembic, at head",
            "manage.py migrate --check",
            "at head",
            f"{ours:.2f} s",
            f"{base:.2f} s",
            ours / base,
            "does not grow with the data",
        )
