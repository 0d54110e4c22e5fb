"""Admin of links, assets, heuristics and the review desk."""

from linkaudit.admin import assets, audits, heuristics, reviews  # noqa: F401  (autodiscovery)
