"""The admin of links, of the assets they speak of, and of the heuristics that propose them."""

from linkaudit.admin import assets, audits, heuristics, promoted, reviews  # noqa: F401  (autodiscovery)
