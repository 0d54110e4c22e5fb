"""The work of `migrate_alembic`.

session         database connection, lock timeouts, run lock, statements outside a transaction
revisions       revisions of this code and the checksums of their files
bookkeeping     version table and log of runs
expected        catalogs that the revisions produce, as stored in `expected.json`
compare         differences between two catalogs; `spelling`: definitions that the server reads alike
drift           drift of a database from its revision; `drift_repair`: the SQL that repairs it
assess          fit of a database to a revision; `known_drift`: the differences that revisions repair
diagnose        state of a database before a run
inspection      the read-only modes
deploy          a run and an adoption; `adopt`: the proof of the current revision
alembic_runner  the steps of a run, in Alembic
repair          indexes, constraints and reference counts that are repaired online
plan            the locks of each step
rewrites        tables that a run rewrites, and the consent to it
obstacles       owners, rights and dependent objects that stop a run; `preservation`: attributes that it puts back
verify          verification after a run; `access`: the writes that roles lost
waiting         sessions for which a run waits
report          progress, result and errors
status          data of the page /schema/
"""
