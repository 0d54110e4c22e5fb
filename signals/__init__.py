"""Trials, studies, signals, gates and scores."""
