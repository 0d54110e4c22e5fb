"""A reviewer's own decisions: the list, corrections, pace, and agreement with adjudication."""
