from django.apps import AppConfig


class NcfdSiteConfig(AppConfig):
    name = "ncfd_site"
    verbose_name = "Site and schema"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Here, not above: models cannot be imported before all apps are known.
        from django.db.models.signals import post_migrate
        from django.utils.module_loading import autodiscover_modules

        from ncfd_site import checks  # noqa: F401  (registers them)
        from ncfd_site.roles import make_groups_after_migrating

        post_migrate.connect(make_groups_after_migrating, sender=self)
        # Each app tells which long work it has.
        autodiscover_modules("jobs")
        # The site's own module of that name is the machinery; this is its work.
        from ncfd_site.exports import jobs  # noqa: F401
