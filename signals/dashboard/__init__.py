"""Tiles and shortcuts of the home page on trials."""

from ncfd_site.dashboard.views import register_shortcut
from signals.dashboard import errors, freshness, gates, loads, risk  # noqa: F401  (they register)
from signals.models import IngestRun, Score, Signal, Trial

register_shortcut(Trial, "the registry's trials, their versions and published results", position=10)
register_shortcut(Signal, "warning signs that fired", position=20)
register_shortcut(Score, "the probability of failure of each trial, run by run", position=30)
register_shortcut(IngestRun, "what the loaders read, and when", position=90)
