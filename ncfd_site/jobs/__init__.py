"""Long work that people start on the site: one table, one worker command, one page for all kinds of it."""
