"""Apps of the project itself."""

from django.apps import AppConfig, apps


class ApiConfig(AppConfig):
    name = "ncfd_site.api"
    verbose_name = "API"


class SiteConfig(AppConfig):
    """The app of the project: groups are created after `migrate`, and system checks are registered."""

    name = "ncfd_site"
    verbose_name = "Site"

    def ready(self) -> None:
        # Models cannot be imported before every app is loaded.
        from django.db.models.signals import post_migrate

        from ncfd_site.core.roles import create_groups_after_migrate
        from ncfd_site.schema import checks  # noqa: F401  (registers the checks)

        # Django sends the signal only for apps with models, which this app has not.
        post_migrate.connect(create_groups_after_migrate, sender=apps.get_app_config("api"))
