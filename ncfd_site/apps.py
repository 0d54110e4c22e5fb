"""Apps of the project itself, and the discovery of what every app registers."""

from django.apps import AppConfig, apps


class ApiConfig(AppConfig):
    name = "ncfd_site.api"
    verbose_name = "API"


class SiteConfig(AppConfig):
    """Apps of the project itself, and the discovery of what every app registers."""

    name = "ncfd_site"
    verbose_name = "Site"

    def ready(self) -> None:
        # Models cannot be imported before every app is loaded.
        from django.db.models.signals import post_migrate
        from django.utils.module_loading import autodiscover_modules

        from ncfd_site.core.roles import create_groups_after_migrate
        from ncfd_site.schema import checks  # noqa: F401  (registers the checks)

        # Django sends the signal only for apps with models, which this app has not.
        post_migrate.connect(create_groups_after_migrate, sender=apps.get_app_config("api"))
        autodiscover_modules("jobs", "dashboard", "loading", "retention")
