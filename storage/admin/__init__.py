"""The admin of content and documents."""

from storage.admin import contents, documents  # noqa: F401  (Django's autodiscovery imports this package)
