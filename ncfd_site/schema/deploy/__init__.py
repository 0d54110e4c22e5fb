"""What `migrate_alembic` does, a module a duty.

session     a connection that is fit to migrate on, its timeouts and its run lock
line        the revisions of this code, read from their files; `changed`: whether the files are what they were
versions    the version table
catalog     what a database holds, object by object, and what it should hold at a revision; `compare`: how they differ
variants    shapes that people made by hand and that are recognised; `assess`: how a database fits a revision
diagnose    what state a database is in, before anything is written
adopt       the proof of where a schema stands; `shadow`: the catalogs of the revisions on the same server, by a scratch
            database or `catalog_cache`
look        the verbs that only look; `deploy`: a run and an adoption from beginning to end
run         the steps themselves, with retries, and what went wrong in people's words; `losses`: what no upgrade drops
online      what runs while others work; `mend`, `refcounts`: what comes in line that way; `costs`: what does not
history     the log of runs; `verify`: whether a database holds what it should, and its routines run
report      text for people, JSON for programs; `status`: all of it for a page
"""
