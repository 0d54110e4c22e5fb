"""The queue: places of random samples, one at a time, for a decision that nothing but the document sways."""
