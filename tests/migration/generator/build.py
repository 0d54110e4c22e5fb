"""Build a live database from a seed."""

import os
import random
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ncfd_site.postgres.embedded import programs
from ncfd_site.schema.deploy import revisions
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.generator import attributes, ingredients, rows
from tests.migration.generator.attributes import Attribute
from tests.migration.states import Rows

_OWN_EVERYTHING = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT c.oid::regclass AS name, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'e', 'i')
            AND d.classid = 'pg_class'::regclass)
    LOOP EXECUTE format('ALTER %s %s OWNER TO {0}', one.kind, one.name); END LOOP;
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO {0}', one.name); END LOOP;
    FOR one IN SELECT t.oid::regtype AS name FROM pg_type t
        WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    LOOP EXECUTE format('ALTER TYPE %s OWNER TO {0}', one.name); END LOOP;
END $$
"""
MOST_ACTS = 12
_STAMPS = (
    "DROP TABLE alembic_version",
    "DELETE FROM alembic_version",
    "UPDATE alembic_version SET version_num = 'abc123'",
)


@dataclass(frozen=True)
class LiveDatabase:
    """A database for its superuser and for the role that deploys to it, and what it held when it was finished.

    `attached` is what users added: the attributes that the acts changed.
    """

    superuser: Keywords
    runner: Keywords
    summary: tuple[str, ...]
    version: str
    rows: Rows
    attributes: frozenset[Attribute]
    attached: frozenset[Attribute]


@contextmanager
def build(server: Keywords, seed: int, name: str, without: Collection[int] = ()) -> Iterator[LiveDatabase]:
    """Yield the database of this seed; `without` leaves out acts by their numbers, to find the smallest failing input.

    Each act has a generator of its own, so that the others stay the same without it.
    """
    rng = random.Random(f"base {seed}")
    superuser: Keywords = {**server, "dbname": name}
    roles = [f"{name}_{number}" for number in range(rng.randint(1, 3))]
    databases.clone(server, "template1", name)
    try:
        for role in roles:
            password = str(server.get("password", "")).replace("'", "''")
            databases.execute(server, f"CREATE ROLE {{}} LOGIN CREATEDB PASSWORD '{password}'", role)
        summary = [_build_base(rng, superuser)]
        with psycopg.connect(**superuser) as db:
            summary.append(f"{rows.fill(db, rng, 3)} random rows")
        runner = superuser
        if rng.random() < 0.5:
            # A role without superuser rights owns and deploys.
            summary.append("owner")
            databases.execute(server, "ALTER DATABASE {} OWNER TO {}", name, roles[0])
            states.execute(superuser, _OWN_EVERYTHING.format(roles[0]))
            runner = {**superuser, "user": roles[0]}
        before = attributes.read(superuser)
        with psycopg.connect(**superuser) as db:
            scene = ingredients.read_scene(db, roles)
            # An empty database has nothing to act on.
            for number in range(random.Random(f"acts {seed}").randint(0, MOST_ACTS) if scene.tables else 0):
                own = random.Random(f"act {seed} {number}")
                statements = own.choice(ingredients.ACTS)(own, scene, number)
                if number not in without and ingredients.perform(db, statements):
                    summary.append(f"{number}: {'; '.join(statements)}")
        if rng.random() < 0.15:
            stamp = rng.choice(_STAMPS)
            states.execute(superuser, "CREATE TABLE IF NOT EXISTS alembic_version (version_num text)", stamp)
            summary.append(stamp)
        after = attributes.read(superuser)
        yield LiveDatabase(
            superuser,
            runner,
            tuple(summary),
            read_version(superuser),
            states.rows(superuser),
            frozenset(after),
            frozenset(after - before),
        )
    finally:
        databases.execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        for role in roles:
            databases.execute(server, "DROP ROLE IF EXISTS {}", role)


def read_version(keywords: Keywords) -> str:
    """Return the content of the version table; the empty string if there is none."""
    with psycopg.connect(**keywords) as connection:
        found = connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
        return (
            str(connection.execute("SELECT * FROM public.alembic_version ORDER BY 1").fetchall())
            if found == (True,)
            else ""
        )


def _build_base(rng: random.Random, keywords: Keywords) -> str:
    kind = rng.choice(["revision", "state", "dump"])
    if kind == "revision":
        revision = rng.choice(revisions.ids())
        databases.become(keywords, revision)
        return revision
    name = rng.choice(sorted(states.STATES))
    states.STATES[name].build(keywords)
    if kind == "dump":
        _dump_and_restore(keywords)
    return f"{kind} {name}"


def _dump_and_restore(keywords: Keywords) -> None:
    """Put the restored dump of a database in its place."""
    with psycopg.connect(**keywords) as connection:
        version = connection.info.server_version // 10000
    folder = Path(f"/usr/lib/postgresql/{version}/bin")
    tools = folder if folder.exists() else programs.find_folder()
    login = {f"PG{key.upper()}": str(keywords[key]) for key in ("host", "port", "user", "password") if key in keywords}
    environment = {**os.environ, **login}
    name = keywords["dbname"]
    dump = subprocess.run([tools / "pg_dump", name], env=environment, capture_output=True, check=True)
    databases.clone(keywords, "template0", name)
    restore = [tools / "psql", "-qX", "-v", "ON_ERROR_STOP=1", name]
    subprocess.run(restore, env=environment, input=dump.stdout, capture_output=True, check=True)
