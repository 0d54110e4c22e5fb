"""The admin of the whole house: what the pages of all tables have in common, and the site's own tables."""

# Django's autodiscovery imports this package, and these register.
from ncfd_site.admin import jobs, schema, tokens  # noqa: F401
