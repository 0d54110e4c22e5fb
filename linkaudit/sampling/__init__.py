"""Random samples of a heuristic's links: drawn, closed, and how far each is."""
