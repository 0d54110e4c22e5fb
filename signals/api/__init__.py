"""API resources on trials, scores, registry records, companies, sponsors and studies."""

from signals.api import companies, compare, registry, scores, sponsors, studies, trials  # noqa: F401  (they register)
