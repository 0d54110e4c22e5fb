"""`manage.py require_port`: tell early that the site could not be served."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ncfd_site.web.development import ports


class Command(BaseCommand):
    """Exits 0 when the port of `runserver` is free, else 1 with a sentence."""

    help = "Fail with a sentence when the port that the site is to be served on is taken."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Try the port of the environment."""
        ports.require_free(settings.PORT)
