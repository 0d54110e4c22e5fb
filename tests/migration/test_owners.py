"""New objects belong to the owner of the schema; what stops a run is found beforehand and named together."""

from collections.abc import Iterator

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from tests.databases import Keywords
from tests.migration import roles, states
from tests.migration.running import call, finish, query, run, start

OWNERS = """
    SELECT DISTINCT pg_get_userbyid(owner) FROM (
        SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT proowner FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
                  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype IN ('e', 'i'))
        UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    ) AS objects (owner)
"""


@pytest.fixture
def names(worker: str) -> dict[str, str]:
    return {role: f"{role}_{worker}" for role in ("ncfd", "deployer", "second", "other")}


@pytest.fixture
def live(empty_database: Keywords, names: dict[str, str]) -> Iterator[Keywords]:
    """The head of the contract; it belongs to the group `ncfd`, of which `deployer` and `second` are members."""
    states.at_head(empty_database)
    with roles.created(empty_database, *names.values()):
        roles.give(empty_database, names["ncfd"])
        states.execute(
            empty_database,
            "GRANT {ncfd} TO {deployer}, {second}".format(**names),
            f"ALTER ROLE {names['second']} NOINHERIT",
        )
        yield empty_database


def test_new_objects_belong_to_the_group_that_owns_the_schema(live: Keywords, names: dict[str, str]) -> None:
    assert run(roles.log_in(live, names["deployer"])).verified
    assert query(live, OWNERS) == [(names["ncfd"],)]
    actors = "SELECT DISTINCT actor FROM alembic_migration_log"
    assert (names["deployer"],) in query(live, actors)
    # The next member deploys too.
    second = roles.log_in(live, names["second"])
    assert call(second, "--verify-only")[0] == 0
    assert call(second, "-1")[0] == 0
    assert run(second).verified
    assert query(live, OWNERS) == [(names["ncfd"],)]


def test_alembic_on_the_command_line_does_the_same(live: Keywords, names: dict[str, str]) -> None:
    upgrade = start(roles.log_in(live, names["deployer"]), "head", command=("-m", "alembic", "upgrade"))
    code, _, error = finish(upgrade)
    assert code == 0, error
    assert query(live, OWNERS) == [(names["ncfd"],)]


def test_a_superuser_gives_new_objects_to_the_owner_of_the_schema(live: Keywords, names: dict[str, str]) -> None:
    assert call(live)[0] == 0
    assert query(live, OWNERS) == [(names["ncfd"],)]


def test_the_printed_sql_acts_as_the_owner(live: Keywords, names: dict[str, str]) -> None:
    code, out, _ = call(roles.log_in(live, names["deployer"]), "--sql")
    assert code == 0
    with psycopg.connect(**roles.log_in(live, names["deployer"]), autocommit=True) as connection:
        connection.execute(out.partition("CREATE INDEX CONCURRENTLY")[0].rpartition("COMMIT;")[0])
        assert connection.execute("SELECT current_user").fetchone() == (names["ncfd"],)


def test_all_obstacles_are_named_together_with_the_statements_that_resolve_them(
    live: Keywords, names: dict[str, str]
) -> None:
    states.execute(
        live,
        "ALTER FUNCTION increment_storage_refcount(text, text, text, bigint) OWNER TO {other}".format(**names),
        "ALTER TABLE signals OWNER TO {other}".format(**names),
        "ALTER VIEW v_domain_aliases OWNER TO {other}".format(**names),
        "CREATE VIEW my_candidates AS SELECT object_id FROM get_cleanup_candidates()",
        "ALTER TABLE trials ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "ALTER SCHEMA public OWNER TO CURRENT_USER",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",
    )
    resolving = [
        (
            "ALTER FUNCTION public.increment_storage_refcount(p_sha256 text, p_backend_type text,"
            " p_reference_type text, p_reference_id bigint) OWNER TO {ncfd};"
        ),
        "ALTER TABLE public.signals OWNER TO {ncfd};",
        "ALTER VIEW public.v_domain_aliases OWNER TO {ncfd};",
        "DROP VIEW my_candidates;",
        "ALTER TABLE trials NO FORCE ROW LEVEL SECURITY;",
        "GRANT CREATE ON SCHEMA public TO {ncfd};",
    ]
    resolving = [statement.replace("{ncfd}", f'"{names["ncfd"]}"') for statement in resolving]
    before = query(live, "SELECT oid, xmin FROM pg_class")
    deployer = roles.log_in(live, names["deployer"])
    for arguments in (("--plan",), ()):
        code, out, error = call(deployer, *arguments)
        assert code == ExitCode.REFUSED, (out, error)
        assert [statement for statement in resolving if statement not in error] == []
        assert error.count("\n  ") == len(resolving)
    assert "\n  view my_candidates uses function get_cleanup_candidates(integer, integer), which is replaced: " in error
    assert "After the run: CREATE VIEW my_candidates AS SELECT " in error
    assert query(live, "SELECT oid, xmin FROM pg_class") == before

    states.execute(live, *resolving)
    assert run(deployer).verified


def test_a_role_that_is_no_member_of_the_owner_gets_the_grant(live: Keywords, names: dict[str, str]) -> None:
    states.execute(live, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {other}".format(**names))
    other = roles.log_in(live, names["other"])
    code, _, error = call(other, "--plan")
    assert code == ExitCode.REFUSED
    assert '{other} may not act as {ncfd}, which owns the schema: GRANT "{ncfd}" TO "{other}";'.format(**names) in error
    code, _, error = call(other)
    assert code == ExitCode.UNUSABLE_CONNECTION
    assert "GRANT {ncfd} TO {other};".format(**names) in error


DEPENDENTS = {
    "a view": "CREATE VIEW mine AS SELECT p_value FROM studies",
    "a materialized view": "CREATE MATERIALIZED VIEW mine AS SELECT p_value FROM studies",
    "a trigger": "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    "CREATE TRIGGER mine AFTER INSERT ON studies FOR EACH ROW WHEN (NEW.p_value < 0.05) EXECUTE FUNCTION mine()",
    "a policy": "CREATE POLICY mine ON studies USING (p_value < 0.05)",
}


@pytest.mark.parametrize("statement", DEPENDENTS.values(), ids=DEPENDENTS)
def test_dependents_of_the_p_value_stay_or_are_named_beforehand(
    live: Keywords, names: dict[str, str], statement: str
) -> None:
    """PostgreSQL 17 and later change the expression of the column in place."""
    states.execute(live, statement)
    assert call(roles.log_in(live, names["deployer"]), "--check")[0] == ExitCode.PENDING
    code, _, error = call(roles.log_in(live, names["deployer"]), "--plan")
    if query(live, "SELECT current_setting('server_version_num')::integer >= 170000") == [(True,)]:
        assert code == 0
    else:
        assert code == ExitCode.REFUSED
        assert " uses column studies.p_value, which is replaced: DROP " in error
        states.execute(live, error.partition("replaced: ")[2].partition(";")[0])
    result = run(roles.log_in(live, names["deployer"]))
    assert (result.verified, result.after) == (True, revisions.head())
