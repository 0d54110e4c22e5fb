"""Generate the files that show what the revisions create."""

from argparse import ArgumentParser
from typing import Any

from django.db import connection

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import SiteCommand, fail
from ncfd_site.schema.deploy import expected


class Command(SiteCommand):
    help = (
        "Write schema/expected.json (every object of every revision) and schema/routines.sql (current functions, views "
        "and triggers) from a scratch database on the same server. Run it after changing a revision."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail if a file is out of date.")

    def work(self, options: dict[str, Any]) -> None:
        contents = expected.render_snapshot(connection.get_connection_params())
        stale = [path for path, content in contents.items() if not path.exists() or path.read_text() != content]
        if stale and options["check"]:
            names = ", ".join(path.name for path in stale)
            fail(f"Out of date: {names}. Run manage.py schema_snapshot.", ExitCode.PENDING)
        for path in stale:
            path.write_text(contents[path])
        self.stdout.write(f"{len(contents)} files, {len(stale)} written.")
