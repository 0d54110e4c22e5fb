"""The admin of the whole house: what the pages of all tables have in common, and the site's own two tables."""

from ncfd_site.admin import schema  # noqa: F401  (Django's autodiscovery imports this package, and schema registers)
