"""`manage.py create_demonstration_users`: who to sign in as, and where."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ncfd_site import demonstration_users


class Command(BaseCommand):
    """Makes the users of the demonstration, and prints them with their passwords."""

    help = "Make the users of the demonstration (embedded server only), and print them with their passwords."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make and print them."""
        people = demonstration_users.create()
        self.stdout.write(f"\nThe site is at http://127.0.0.1:{settings.PORT}/ for these users:\n\n")
        for person, password in people:
            self.stdout.write(f"  {person.username:<6} {password:<13} {person.role or 'superuser':<12} {person.does}")
        self.stdout.write("")
