"""Background jobs: one record, one worker command and one page for all job types; procrastinate executes them."""
