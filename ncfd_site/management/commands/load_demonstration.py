"""`manage.py load_demonstration`: a small generated demonstration, marked as such on every page."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ncfd_site.demonstration import load, report


class Command(BaseCommand):
    """Loads the demonstration once; where it is loaded, nothing changes."""

    help = "Load a small generated demonstration into the empty embedded database; everything in it is invented."
    # The checks of the database were made when it was migrated, a moment ago.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do with a database that holds other data."""
        parser.add_argument(
            "--if-empty", action="store_true", help="Leave a database that holds other data, and call that no failure."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load it, and say what was put where."""
        try:
            is_new = load.load()
        except load.HoldsOtherData:
            if not options["if_empty"]:
                raise
            self.stdout.write("The database holds other data, so the demonstration is left out.")
            return
        if is_new:
            self.stdout.write("The demonstration is loaded; everything in it is invented. Rows by table:\n")
            self.stdout.write(report.table())
        else:
            self.stdout.write("The demonstration is loaded already; nothing was changed.")
        self.stdout.write(report.LOOK_FIRST)
