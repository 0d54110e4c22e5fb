"""Documents and the content they stand on."""
