"""Admin of companies, securities and the sponsor resolver."""

from securities.admin import companies, links, resolver  # noqa: F401  (autodiscovery imports this package)
