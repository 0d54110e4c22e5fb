"""The admin of companies, what is listed of them, and the resolver of sponsors."""

from securities.admin import companies, links, listings, resolver  # noqa: F401  (autodiscovery imports this package)
