"""Alembic: the revisions of the schema and their SQL."""
