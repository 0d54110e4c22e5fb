"""plpgsql_check finds no fault in any routine."""

import psycopg

from tests import databases
from tests.databases import Keywords
from tests.postgres import cannot_run

# The type of an assigned expression is cast.
ACCEPTED = {("enforce_pivotal_study_card()", "target type is different type than source type")}
# With each table that a trigger function serves; 0 for other routines.
CHECK = """
    SELECT p.oid::regprocedure::text, coalesce(t.tgrelid, 0)::regclass::text, c.level, c.message, c.query
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
    CROSS JOIN LATERAL plpgsql_check_function_tb(
        p.oid, coalesce(t.tgrelid, 0),
        oldtable => t.tgoldtable, newtable => t.tgnewtable, extra_warnings => false
    ) c
    WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'plpgsql'
      -- A TRUNCATE (32) has no transition tables.
      AND (p.prorettype <> 'trigger'::regtype OR t.tgtype & 32 = 0)
      AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.deptype = 'e')
"""


def test_no_routine_has_a_fault(ordinary_empty: Keywords) -> None:
    databases.migrate(ordinary_empty)
    with psycopg.connect(**ordinary_empty) as connection:
        try:
            connection.execute("CREATE EXTENSION plpgsql_check")
        except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported):
            cannot_run("no plpgsql_check found: install the distribution's package `postgresql-15-plpgsql-check`")
        faults = [row for row in connection.execute(CHECK).fetchall() if (row[0], row[3]) not in ACCEPTED]
        assert not faults, "\n".join(map(str, faults))
