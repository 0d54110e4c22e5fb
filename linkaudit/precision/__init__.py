"""Precision of heuristics: counts of labels, sample evidence, and the check of promoted links."""
