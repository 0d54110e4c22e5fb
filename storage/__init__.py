"""Documents and the content store."""
