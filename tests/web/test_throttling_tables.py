"""Schema migration ignores the tables of django-axes, which Django's `migrate` creates."""

import psycopg

from ncfd_site.schema.deploy import revisions
from tests.databases import Keywords
from tests.migration.running import adopt, query, run
from tests.migration.test_drift import drift

TABLES = """
    CREATE TABLE axes_accessattempt (id integer PRIMARY KEY, username text, CHECK (id > 0) NOT VALID);
    CREATE INDEX axes_accessattempt_username ON axes_accessattempt (username);
    INSERT INTO axes_accessattempt VALUES (1, 'rita');
"""


def test_a_database_with_only_these_tables_is_empty(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database) as connection:
        connection.execute(TABLES)
    run(empty_database)
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(revisions.head(),)]
    assert query(empty_database, "SELECT username FROM axes_accessattempt") == [("rita",)]
    found = drift(empty_database).drift
    assert found is not None
    assert found["drift"] == []


def test_a_schema_beside_these_tables_is_adopted(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        connection.execute(TABLES)
        connection.execute("DELETE FROM alembic_version")
    adopt(head_database)
    assert query(head_database, "SELECT version_num FROM alembic_version") == [(revisions.head(),)]
    assert query(head_database, "SELECT username FROM axes_accessattempt") == [("rita",)]
