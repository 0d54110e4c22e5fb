"""Django's development server, on the port of the environment."""

from django.conf import settings
from django.contrib.staticfiles.management.commands import runserver


class Command(runserver.Command):
    """`manage.py runserver`."""

    default_port = str(settings.PORT)
