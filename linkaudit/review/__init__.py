"""The queue: places of random samples, one at a time, for a verdict that nothing but the document sways."""
