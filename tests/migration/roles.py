"""Roles of live databases: an owner who is no superuser, pipelines, members of groups."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.databases import Keywords
from tests.migration.states import execute

# What live pipelines have.
PIPELINE_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {0};"
    " GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {0};"
    " GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {0}"
)

_GIVE = """
DO $$
DECLARE
    v_statement text;
BEGIN
    FOR v_statement IN
        SELECT format('ALTER %s public.%I OWNER TO {role}', CASE c.relkind WHEN 'v' THEN 'VIEW'
                      WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.relname)
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm')
        UNION ALL SELECT format('ALTER ROUTINE %s OWNER TO {role}', p.oid::regprocedure) FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype IN ('e', 'i'))
        UNION ALL SELECT format('ALTER TYPE public.%I OWNER TO {role}', t.typname) FROM pg_type t
        WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'r')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
    LOOP
        EXECUTE v_statement;
    END LOOP;
    EXECUTE format('ALTER DATABASE %I OWNER TO {role}', current_database());
END $$
"""


@contextmanager
def created(keywords: Keywords, *roles: str) -> Iterator[None]:
    """Create roles that can log in, and drop them with their rights; their objects stay."""
    execute(keywords, *(f"DROP ROLE IF EXISTS {role}" for role in roles))
    execute(keywords, *(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'" for role in roles))
    try:
        yield
    finally:
        for role in roles:
            _drop_owned(keywords, role)
        execute(keywords, f"DROP ROLE {', '.join(roles)}")


def _drop_owned(keywords: Keywords, role: str) -> None:
    try:
        execute(keywords, f"REASSIGN OWNED BY {role} TO CURRENT_USER", f"DROP OWNED BY {role}")
    except psycopg.InternalError:
        # The temporary functions of a session that is ending vanish meanwhile.
        time.sleep(1)
        execute(keywords, f"REASSIGN OWNED BY {role} TO CURRENT_USER", f"DROP OWNED BY {role}")


def log_in(keywords: Keywords, role: str) -> Keywords:
    """Return the keywords of a connection as a role that `created` made."""
    return {**keywords, "user": role, "password": role}


def give(keywords: Keywords, role: str) -> None:
    """Make a role the owner of the database and of everything in schema public."""
    execute(keywords, _GIVE.replace("{role}", role))
