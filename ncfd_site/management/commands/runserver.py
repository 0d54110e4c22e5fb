"""Django's development server on the port of the environment, with its problems reported before it starts."""

import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import runserver
from django.db import connection
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from ncfd_site.web import development

# The documentation covers Django's warning about production.
os.environ.setdefault("DJANGO_RUNSERVER_HIDE_WARNING", "true")


class Command(runserver.Command):
    """`manage.py runserver`."""

    # Set by Django from the arguments.
    addr: str
    port: str
    default_port = str(settings.PORT)

    def run(self, **options: Any) -> None:
        """Serve until stopped. Raises `UserError` if the port is in use or the database unavailable."""
        # Only in the process that watches the code. In its child, the error would be a traceback from a thread, and the
        # watcher would wait for a change of the code.
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            development.require_free_port(int(self.port), self.addr)
            connection.ensure_connection()
            connection.close()
        super().run(**options)

    def on_bind(self, server_port: int) -> None:
        """Start the job worker and print the URL."""
        # In the process that serves, which is replaced when the code changes, and the worker with it.
        development.start_worker()
        address = f"[{self.addr}]" if ":" in self.addr else self.addr
        self.stdout.write(f"Serving at http://{address}:{server_port}/ until Ctrl-C.")
