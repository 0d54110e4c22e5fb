"""Write docs/schema.md from the models and the catalog of a database at head."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from ncfd_site.schema.checks import check_revision
from ncfd_site.schema.docs import document


class Command(BaseCommand):
    help = "Write docs/schema.md from the models and the catalog of a database at the newest revision."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="alias of the database to read")

    def handle(self, *args: Any, check: bool, database: str, **options: Any) -> None:
        for warning in check_revision(database):
            raise CommandError(f"{warning.msg} {warning.hint}")
        path = document.path()
        text = document.render(database)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            self.stdout.write("docs/schema.md is up to date.")
        elif check:
            raise CommandError("docs/schema.md is stale: run manage.py schema_docs.")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            self.stdout.write("docs/schema.md is written.")
