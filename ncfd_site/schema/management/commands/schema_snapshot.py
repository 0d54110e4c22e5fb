"""Write what the revisions make, as files that are read, reviewed and held against a database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from ncfd_site.schema.deploy import expected


class Command(BaseCommand):
    help = (
        "Write schema/expected.json (every object at every revision) and schema/routines.sql (today's body of every"
        " function, view and trigger) from a scratch database beside the current one. Run it after writing a revision."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        made = expected.render_snapshot(connection.get_connection_params())
        stale = [path for path, content in made.items() if not path.exists() or path.read_text() != content]
        if options["check"]:
            if stale:
                names = ", ".join(path.name for path in stale)
                raise CommandError(f"Out of date: {names}. Run: manage.py schema_snapshot")
        else:
            for path in stale:
                path.write_text(made[path])
        self.stdout.write(f"{len(made)} files, {len(stale)} {'out of date' if options['check'] else 'written'}.")
