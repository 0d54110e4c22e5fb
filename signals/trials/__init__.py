"""Trials by the probability that they fail, and two runs side by side."""
