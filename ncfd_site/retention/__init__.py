"""Retention: old rows are deleted by policy, and archived first if wanted."""
