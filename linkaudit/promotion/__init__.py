"""Promotion of a heuristic's links to cross-references of trials and studies, and its revert."""
