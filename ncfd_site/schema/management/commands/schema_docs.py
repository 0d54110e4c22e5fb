"""Generate `docs/schema.md`."""

from argparse import ArgumentParser
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import SiteCommand, fail
from ncfd_site.schema.checks import check_revision
from ncfd_site.schema.docs import document


class Command(SiteCommand):
    help = "Write docs/schema.md from the models and a database at the newest revision."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail if the page is out of date.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database to read.")

    def work(self, options: dict[str, Any]) -> None:
        for warning in check_revision(options["database"]):
            fail(f"{warning.msg} {warning.hint}", ExitCode.REFUSED)
        path, text = document.path(), document.render(options["database"])
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            self.stdout.write("docs/schema.md is up to date.")
        elif options["check"]:
            fail("docs/schema.md is out of date. Run manage.py schema_docs.", ExitCode.PENDING)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            self.stdout.write("docs/schema.md is written.")
