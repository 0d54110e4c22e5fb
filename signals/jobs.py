"""What of trials can be exported; found here as the kinds of jobs are."""

from signals.trials import exporting  # noqa: F401
