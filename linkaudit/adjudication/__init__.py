"""Adjudication of disagreements, and agreement between reviewers."""
