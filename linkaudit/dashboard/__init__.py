"""Tiles of the home page on links."""

from linkaudit.dashboard import disagreements, queue  # noqa: F401  (they register)
