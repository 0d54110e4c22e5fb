"""What `migrate_alembic` does, a module a duty.

session     a connection that is fit to migrate on, its timeouts and its run lock
versions    the version table and the files of the revisions
diagnose    what state a database is in, before anything is written
run         the steps themselves, with retries, and what went wrong in people's words
history     the log of runs
catalog     what a database holds, object by object, and what it should hold at a revision
verify      whether it holds that, and whether the routines run
report      text for people, JSON for programs
"""
