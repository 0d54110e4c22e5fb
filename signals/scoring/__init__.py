"""Scoring runs over all trials, and the verification of stored scores and gates."""
