"""`manage.py require_port`: check the port before anything starts."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ncfd_site.web.development import require_free_port


class Command(BaseCommand):
    """Exits 0 if the port of `runserver` is free, otherwise with an error."""

    help = "Fail if the port of runserver is in use."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Check PORT."""
        require_free_port(settings.PORT)
