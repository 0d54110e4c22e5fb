"""Admin of trials, studies, signals, gates and scores."""

from signals.admin import scoring, studies, trials  # noqa: F401  (autodiscovery imports this package)
