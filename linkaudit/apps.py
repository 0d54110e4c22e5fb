from django.apps import AppConfig


class LinkAuditConfig(AppConfig):
    name = "linkaudit"
    verbose_name = "Links and assets"
    default_auto_field = "django.db.models.BigAutoField"
