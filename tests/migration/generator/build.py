"""Build a live database from a seed."""

import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from ncfd_site.schema.deploy import revisions
from tests import databases
from tests.databases import Keywords
from tests.migration import roles, states
from tests.migration.generator import attributes, ingredients, rows
from tests.migration.generator.attributes import Attribute
from tests.migration.states import Rows

MOST_ACTS = 12
_STAMPS = (
    "DROP TABLE alembic_version",
    "DELETE FROM alembic_version",
    (
        "UPDATE alembic_version SET version_num = 'abc123'"
        " WHERE version_num = (SELECT min(version_num) FROM alembic_version)"
    ),
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
    names = [f"{name}_{number}" for number in range(rng.randint(1, 3))]
    databases.clone(server, "template1", name)
    with roles.created(superuser, *names):
        summary = [_build_base(rng, superuser)]
        with psycopg.connect(**superuser) as db:
            summary.append(f"{rows.fill(db, rng, 3)} random rows")
        runner = superuser
        if rng.random() < 0.5:
            # A role without superuser rights owns and deploys.
            summary.append("owner")
            roles.give(superuser, names[0])
            runner = roles.log_in(superuser, names[0])
        before = attributes.read(superuser)
        with psycopg.connect(**superuser) as db:
            scene = ingredients.read_scene(db, names)
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
    databases.execute(server, "DROP DATABASE {} WITH (FORCE)", name)


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
        states.dump_and_restore(keywords)
    return f"{kind} {name}"
