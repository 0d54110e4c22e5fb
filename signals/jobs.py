"""Registers the exports of trials with the job types."""

from signals.trials import exporting  # noqa: F401
