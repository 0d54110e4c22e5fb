from django.apps import AppConfig


class NcfdSiteConfig(AppConfig):
    name = "ncfd_site"
    verbose_name = "Site and schema"
    default_auto_field = "django.db.models.BigAutoField"
