"""What the demonstration tells: its trials, what was found in each, and when."""
