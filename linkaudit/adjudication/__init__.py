"""Links on which people differ, how they are resolved, and how far people agree."""
