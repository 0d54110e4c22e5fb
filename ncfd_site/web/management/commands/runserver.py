"""Django's development server, on the port of the environment, with its obstacles found before it starts."""

import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import runserver
from django.db import connection
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from ncfd_site.web.development import ports, worker

# What Django would add about production is in the documentation of the site.
os.environ.setdefault("DJANGO_RUNSERVER_HIDE_WARNING", "true")


class Command(runserver.Command):
    """`manage.py runserver`."""

    # Set by Django from the arguments.
    addr: str
    port: str
    default_port = str(settings.PORT)

    def run(self, **options: Any) -> None:
        """Serve until stopped; raises a `Refusal` when the port is taken or the database unavailable."""
        # Once, in the process that watches the code: in its child a failure would be a traceback from a thread, and
        # the watcher would wait for the code to change.
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            ports.require_free(int(self.port), self.addr)
            connection.ensure_connection()
            connection.close()
        super().run(**options)

    def on_bind(self, server_port: int) -> None:
        """Say where the site is, and no more: what matters stands above. Long work begins to be carried out, too."""
        # Here, in the process that serves: it comes anew with the code, and so does the worker.
        worker.start()
        address = f"[{self.addr}]" if ":" in self.addr else self.addr
        self.stdout.write(f"Serving at http://{address}:{server_port}/ until Ctrl-C.")
