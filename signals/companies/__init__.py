"""Pages on companies, their listings and trials, and unresolved sponsors."""
