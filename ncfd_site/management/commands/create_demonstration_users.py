"""`manage.py create_demonstration_users`."""

from typing import Any

from django.conf import settings

from ncfd_site.core.command import SiteCommand
from ncfd_site.demo.users import create_users


class Command(SiteCommand):
    """Create the users of the demonstration."""

    help = "Create the users of the demonstration (embedded server only), and print them with their passwords."

    def work(self, options: dict[str, Any]) -> None:
        """Create the users, and print a line for each."""
        users = create_users()
        self.stdout.write(f"\nThe site is at http://127.0.0.1:{settings.PORT}/ for these users:\n\n")
        for user, password in users:
            self.stdout.write(f"  {user.username:<6} {password:<13} {user.role or 'superuser':<12} {user.task}")
        self.stdout.write("")
