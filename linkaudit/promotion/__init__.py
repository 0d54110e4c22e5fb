"""Promotion: a heuristic's links become links of trials and studies, and that can be taken back."""
