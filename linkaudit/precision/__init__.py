"""How good a heuristic is: what its labels say, what its samples prove, and what its promoted links look like."""
