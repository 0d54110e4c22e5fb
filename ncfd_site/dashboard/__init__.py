"""The first page: what waits, what changed, what is wrong; and the list of what failed on its way in."""
