"""The search of the header: groups of hits that apps register, and the items that the user opened last."""
