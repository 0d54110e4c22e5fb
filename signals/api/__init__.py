"""Resources of the API on trials."""

from signals.api import companies, compare, registry, scores, sponsors, studies, trials  # noqa: F401  (they register)
