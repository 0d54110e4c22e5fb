"""What a list shows, as a file: streamed at once where it is short, and made by a job where it is long."""
