"""Admin of links, assets, heuristics and reviews."""

from linkaudit.admin import assets, audits, reviews  # noqa: F401  (autodiscovery)
