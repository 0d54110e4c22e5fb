"""Random samples of a heuristic's links, and their interim analyses."""
