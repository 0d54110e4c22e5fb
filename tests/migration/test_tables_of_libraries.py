"""Schema migration ignores tables, types and functions that Django's `migrate` creates for libraries."""

from pathlib import Path

import procrastinate
import psycopg

from ncfd_site.schema.deploy import revisions
from tests.databases import Keywords
from tests.migration.running import adopt, call, query, run
from tests.migration.test_drift import drift

AXES = """
    CREATE TABLE axes_accessattempt (id integer PRIMARY KEY, username text, CHECK (id > 0) NOT VALID);
    CREATE INDEX axes_accessattempt_username ON axes_accessattempt (username);
    INSERT INTO axes_accessattempt VALUES (1, 'rita');
"""
PROCRASTINATE = (Path(procrastinate.__file__).parent / "sql" / "schema.sql").read_text()
TASK = "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('storage_gc', 'run_job')"
OBJECTS = """
    SELECT string_agg(name, ' ' ORDER BY name) FROM (
        SELECT proname FROM pg_proc UNION ALL SELECT typname FROM pg_type WHERE typtype IN ('e', 'c')
    ) AS o (name) WHERE name LIKE 'procrastinate%'
"""


def add_tables(keywords: Keywords) -> None:
    with psycopg.connect(**keywords) as connection:
        connection.execute(AXES)
        connection.execute(PROCRASTINATE.encode())
        connection.execute(TASK)


def require_kept(keywords: Keywords, objects: list[tuple[str]]) -> None:
    assert query(keywords, "SELECT version_num FROM alembic_version") == [(revisions.head(),)]
    assert query(keywords, "SELECT username FROM axes_accessattempt") == [("rita",)]
    assert query(keywords, "SELECT queue_name FROM procrastinate_jobs") == [("storage_gc",)]
    assert query(keywords, OBJECTS) == objects
    found = drift(keywords).drift
    assert found is not None
    assert (found["drift"], found["extra"]) == ([], [])
    code, out, error = call(keywords, "--verify-only")
    assert (code, error) == (0, ""), out


def test_a_database_with_only_these_tables_is_empty(empty_database: Keywords) -> None:
    add_tables(empty_database)
    objects = query(empty_database, OBJECTS)
    run(empty_database)
    require_kept(empty_database, objects)


def test_a_schema_beside_these_tables_is_adopted(head_database: Keywords) -> None:
    add_tables(head_database)
    objects = query(head_database, OBJECTS)
    with psycopg.connect(**head_database) as connection:
        connection.execute("DELETE FROM alembic_version")
    adopt(head_database)
    require_kept(head_database, objects)


def test_a_downgrade_and_upgrade_keeps_these_tables(head_database: Keywords) -> None:
    add_tables(head_database)
    objects = query(head_database, OBJECTS)
    run(head_database, "20261127_add_storage_tombstones")
    run(head_database)
    require_kept(head_database, objects)
