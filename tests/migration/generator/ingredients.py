"""Acts of users on a database: each function returns the statements of one, chosen by a random generator."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from tests.migration import roles
from tests.sql import Database


@dataclass(frozen=True)
class Scene:
    """The names that an act can choose from."""

    roles: Sequence[str]
    tables: Sequence[str]
    views: Sequence[str]
    functions: Sequence[str]
    sequences: Sequence[str]
    columns: Sequence[tuple[str, str]]


Act = Callable[[random.Random, Scene, int], list[str]]


def read_scene(db: Database, roles: Sequence[str]) -> Scene:
    """Return the names in the schema public."""

    def names(query: str) -> list[str]:
        return [row[0] for row in db.execute(query.encode())]

    relations = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ '^alembic' AND"
        " relkind {} ORDER BY 1"
    )
    columns = db.execute(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname !~ '^alembic' AND attnum > 0"
        " AND NOT attisdropped ORDER BY 1, 2"
    )
    return Scene(
        roles,
        names(relations.format("= 'r'")),
        names(relations.format("IN ('v', 'm')")),
        names(
            "SELECT oid::regprocedure::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace"
            " AND prokind = 'f' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
            " ORDER BY 1"
        ),
        names(relations.format("= 'S'")),
        [(table, column) for table, column in columns],
    )


# Where revisions replace something, more often than elsewhere.
_REPLACED = [("studies", "p_value"), ("studies", "extracted_jsonb"), ("link_audit", "label")]


def _column(rng: random.Random, scene: Scene) -> tuple[str, str]:
    likely = [one for one in _REPLACED if one in scene.columns]
    return rng.choice(likely if likely and rng.random() < 0.4 else scene.columns)


def grant(rng: random.Random, scene: Scene, number: int) -> list[str]:
    role = rng.choice([*scene.roles, "PUBLIC"])
    option = " WITH GRANT OPTION" if role != "PUBLIC" and rng.random() < 0.2 else ""
    privilege = rng.choice(["SELECT", "INSERT", "UPDATE", "SELECT, INSERT, UPDATE, DELETE", "ALL"])
    return [f"GRANT {privilege} ON {rng.choice([*scene.tables, *scene.views])} TO {role}{option}"]


def grant_everything(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [roles.PIPELINE_GRANTS.format(rng.choice(scene.roles))]


def grant_column(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    return [f"GRANT {rng.choice(['SELECT', 'UPDATE'])} ({column}) ON {table} TO {rng.choice(scene.roles)}"]


def restrict_function(rng: random.Random, scene: Scene, number: int) -> list[str]:
    function = rng.choice(scene.functions)
    return [
        f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {function} TO {rng.choice(scene.roles)}",
    ]


def set_default_privileges(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {rng.choice(scene.roles)}"]


def comment(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    target = rng.choice([f"COLUMN {table}.{column}", f"TABLE {table}", f"FUNCTION {rng.choice(scene.functions)}"])
    return [f"COMMENT ON {target} IS 'note {number} of the owner''s team'"]


def set_table_options(rng: random.Random, scene: Scene, number: int) -> list[str]:
    option = rng.choice(["fillfactor = 70", "autovacuum_vacuum_scale_factor = 0.05", "autovacuum_enabled = false"])
    return [f"ALTER TABLE {rng.choice(scene.tables)} SET ({option})"]


def set_view_options(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [f"ALTER VIEW {rng.choice(scene.views)} SET (security_barrier = true)"]


def set_function_attributes(rng: random.Random, scene: Scene, number: int) -> list[str]:
    attribute = rng.choice(
        [
            "SECURITY DEFINER SET search_path = public, pg_temp",
            "SET work_mem = '8MB'",
            "COST 7",
            "PARALLEL RESTRICTED",
            "LEAKPROOF",
        ]
    )
    return [f"ALTER FUNCTION {rng.choice(scene.functions)} {attribute}"]


def add_index(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    where = rng.choice(["", f" WHERE {column} IS NOT NULL"])
    return [f"CREATE INDEX user_index_{number} ON {table} ({column}){where}"]


def add_check(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    valid = rng.choice(["", " NOT VALID"])
    check = f"CHECK ({column} IS NULL OR {column} IS NOT NULL){valid}"
    return [f"ALTER TABLE {table} ADD CONSTRAINT user_check_{number} {check}"]


def add_statistics(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    other = rng.choice([name for of, name in scene.columns if of == table])
    return rng.choice(
        [
            [f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {rng.choice([0, 500, 1000])}"],
            [f"ALTER TABLE {table} ALTER COLUMN {column} SET (n_distinct = 42)"],
            [f"CREATE STATISTICS user_statistics_{number} (ndistinct) ON {column}, {other} FROM {table}"],
        ]
    )


def add_trigger(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    of = rng.choice(["", f" OF {column}"])
    name = f"user_trigger_{number}"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        f"CREATE TRIGGER {name} BEFORE UPDATE{of} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def add_rule(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [f"CREATE RULE user_rule_{number} AS ON DELETE TO {rng.choice(scene.tables)} WHERE false DO ALSO NOTHING"]


def add_policy(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [f"CREATE POLICY user_policy_{number} ON {rng.choice(scene.tables)} FOR SELECT USING (true)"]


def add_column(rng: random.Random, scene: Scene, number: int) -> list[str]:
    kind = rng.choice(["text", "integer NOT NULL DEFAULT 7", "timestamptz DEFAULT now()", "jsonb"])
    return [f"ALTER TABLE {rng.choice(scene.tables)} ADD COLUMN user_column_{number} {kind}"]


def add_view(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table, column = _column(rng, scene)
    kind = rng.choice(["VIEW", "MATERIALIZED VIEW"])
    return [f"CREATE {kind} user_view_{number} AS SELECT {column} FROM {table}"]


def add_view_of_view(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [f"CREATE VIEW user_view_{number} AS SELECT * FROM {rng.choice(scene.views)}"]


def add_table(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [
        f"CREATE TABLE user_table_{number} (id serial PRIMARY KEY, trial_id bigint REFERENCES trials, note text)",
        f"INSERT INTO user_table_{number} (note) SELECT 'note ' || n FROM generate_series(1, {rng.randint(1, 9)}) n",
    ]


def add_schema(rng: random.Random, scene: Scene, number: int) -> list[str]:
    name = rng.choice(["trials", "alembic_version", "scratch"])
    return [f"CREATE SCHEMA user_schema_{number}", f"CREATE TABLE user_schema_{number}.{name} (version_num text)"]


def add_routines(rng: random.Random, scene: Scene, number: int) -> list[str]:
    return [
        f"CREATE TYPE user_type_{number} AS ENUM ('a', 'b')",
        f"CREATE DOMAIN user_domain_{number} AS text CHECK (VALUE <> '')",
        f"CREATE SEQUENCE user_sequence_{number}",
        f"CREATE FUNCTION user_function_{number}(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n + 1'",
    ]


def replicate(rng: random.Random, scene: Scene, number: int) -> list[str]:
    table = rng.choice(scene.tables)
    return rng.choice(
        [
            [f"ALTER TABLE {table} REPLICA IDENTITY FULL"],
            [f"CREATE PUBLICATION user_publication_{number} FOR TABLE {table}"],
            [f"ALTER TABLE {table} CLUSTER ON {table}_pkey"],
        ]
    )


ACTS: tuple[Act, ...] = (
    grant,
    grant_everything,
    grant_column,
    restrict_function,
    set_default_privileges,
    comment,
    set_table_options,
    set_view_options,
    set_function_attributes,
    add_index,
    add_check,
    add_statistics,
    add_trigger,
    add_rule,
    add_policy,
    add_column,
    add_view,
    add_view_of_view,
    add_table,
    add_schema,
    add_routines,
    replicate,
)


def perform(db: Database, statements: Sequence[str]) -> bool:
    """Run the statements of an act whole; return False, with nothing done, if the database refuses one."""
    try:
        with db.transaction():
            for statement in statements:
                db.execute(statement.encode())
    except psycopg.Error:
        return False
    return True
