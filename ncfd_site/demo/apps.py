"""The app configuration."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demonstration: no models, two commands."""

    name = "ncfd_site.demo"
    label = "demo"
