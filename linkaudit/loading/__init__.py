"""Assets and claims that tie them to trials, as loaders find them in documents."""
