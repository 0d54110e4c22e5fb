"""Documents as loaders make them: their bytes into the content store, their rows, pages and references."""
