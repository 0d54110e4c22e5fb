"""The Django apps of the project itself. What each app adds to the frames is discovered when the site starts."""

from django.apps import AppConfig, apps


class ApiConfig(AppConfig):
    name = "ncfd_site.api"
    verbose_name = "API"


class SiteConfig(AppConfig):
    """The last app: everything that needs all others happens here."""

    name = "ncfd_site"
    verbose_name = "Site"

    def ready(self) -> None:
        # Here, not above: models cannot be imported before all apps are known.
        from django.db.models.signals import post_migrate
        from django.utils.module_loading import autodiscover_modules

        from ncfd_site.core.roles import make_groups_after_migrating
        from ncfd_site.schema import checks  # noqa: F401  (registers them)

        # Django sends the signal for apps with models only, and this one has none.
        post_migrate.connect(make_groups_after_migrating, sender=apps.get_app_config("api"))
        autodiscover_modules("jobs", "dashboard", "loading")
