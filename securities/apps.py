from django.apps import AppConfig


class SecuritiesConfig(AppConfig):
    name = "securities"
    verbose_name = "Companies and securities"
    default_auto_field = "django.db.models.BigAutoField"
