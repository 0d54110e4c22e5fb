"""Runs over all trials: signals that the registry decides, scores from signals, and whether what is stored holds."""
