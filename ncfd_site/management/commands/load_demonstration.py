"""`manage.py load_demonstration`."""

from argparse import ArgumentParser
from typing import Any

from ncfd_site.core.command import SiteCommand
from ncfd_site.demo.load import OtherDataError, count_rows, load
from ncfd_site.demo.templates import DATA


class Command(SiteCommand):
    """Load the demonstration once."""

    help = "Load a small generated demonstration into the empty embedded database. Everything in it is invented."
    when_interrupted = "Nothing was loaded."
    # `migrate_alembic` has just run the checks of the database.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--if-empty`."""
        parser.add_argument(
            "--if-empty", action="store_true", help="Do nothing, successfully, if the database has other data."
        )

    def work(self, options: dict[str, Any]) -> None:
        """Load it, and print the rows of each table."""
        try:
            is_new = load()
        except OtherDataError:
            if not options["if_empty"]:
                raise
            self.stdout.write("The database has other data, so the demonstration is not loaded.")
            return
        if is_new:
            self.stdout.write("The demonstration is loaded. Everything in it is invented. Rows by table:\n\n")
            for part, counts in count_rows().items():
                self.stdout.write(f"  {part:<10}  " + ", ".join(f"{table} {rows:,}" for table, rows in counts.items()))
        else:
            self.stdout.write("The demonstration is loaded already. Nothing was changed.")
        self.stdout.write((DATA / "start.txt").read_text(encoding="utf-8"))
