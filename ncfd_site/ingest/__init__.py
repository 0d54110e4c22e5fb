"""Bringing files into the database: open, read record by record, stage in batches, tell what happened.

What is here knows nothing of what the records mean; `APP/loading/` does.
"""
