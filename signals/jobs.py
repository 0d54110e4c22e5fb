"""What of trials can be exported; found here as the kinds of jobs are."""

from signals.risk import exporting  # noqa: F401
