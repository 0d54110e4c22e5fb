"""Background jobs: one table, one worker command, one page for all job types."""
