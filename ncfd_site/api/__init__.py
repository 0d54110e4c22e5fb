"""The API: what the pages show, read by programs as JSON, with a token of a person or that person's own browser."""
