"""The admin of objects and documents."""

from storage.admin import documents, objects  # noqa: F401  (Django's autodiscovery imports this package)
