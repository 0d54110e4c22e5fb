"""Generator of `docs/schema.md`."""
