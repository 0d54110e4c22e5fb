"""The admin of trials, their results, and what speaks for their failure."""

from signals.admin import ingest, scoring, studies, trials  # noqa: F401  (autodiscovery imports this package)
