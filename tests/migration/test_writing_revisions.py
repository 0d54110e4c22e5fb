"""A new revision as docs/revisions.md describes it, and the linter of its SQL."""

import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import lint
from ncfd_site.schema.deploy import revisions
from tests.databases import Keywords
from tests.migration import copies, states
from tests.migration.running import call, finish, query, start
from tests.migration.test_contract import PROJECT
from tests.sql import make_trial

PAGE = (PROJECT / "docs" / "revisions.md").read_text()
NAME = "add_curator_notes"


def generate(schema: Path, keywords: Keywords, *arguments: str) -> tuple[int, str]:
    """Run `alembic revision` in a copy of the folder of the revisions."""
    config = schema.parent / "pyproject.toml"
    text = (PROJECT / "pyproject.toml").read_text()
    config.write_text(text.replace('"%(here)s/ncfd_site/schema"', f'"{schema}"'))
    code, out, error = finish(start(keywords, *arguments, command=("-m", "alembic", "-c", str(config), "revision")))
    return code, out + error


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    return copies.copy(tmp_path)


def test_a_new_revision_runs_as_generated(head_database: Keywords, schema: Path) -> None:
    code, out = generate(schema, head_database, "-m", "add something: 'quoted', 100 %")
    assert code == 0, out
    revision = f"{datetime.now(UTC):%Y%m%d}_add_something_quoted_100"
    assert sorted(path.name for path in schema.glob(f"versions/{revision}*")) == [
        f"{revision}.down.sql",
        f"{revision}.py",
        f"{revision}.up.sql",
    ]
    with copies.use(schema):
        assert revisions.load_revisions()[-1].summary == "Add something: 'quoted', 100 %."
    assert call(head_database, "--check", schema=schema)[0] == ExitCode.PENDING
    assert call(head_database, schema=schema)[::2] == (0, "")
    assert query(head_database, "SELECT version_num FROM alembic_version") == [(revision,)]
    assert call(head_database, "-1", schema=schema)[0] == 0


def test_a_revision_needs_a_name(head_database: Keywords, schema: Path) -> None:
    code, out = generate(schema, head_database)
    assert code != 0
    assert 'alembic revision -m "add something"' in out


def test_the_example_of_the_page_works(head_database: Keywords, schema: Path) -> None:
    assert f'alembic revision -m "{NAME.replace("_", " ")}"' in PAGE
    assert generate(schema, head_database, "-m", NAME.replace("_", " "))[0] == 0
    revision = f"{datetime.now(UTC):%Y%m%d}_{NAME}"
    blocks = re.findall(rf"`YYYYMMDD_{NAME}\.(up|down)\.sql`:\n\n```sql\n(.*?)```", PAGE, re.DOTALL)
    assert [direction for direction, _ in blocks] == ["up", "down"]
    for direction, content in blocks:
        (schema / "versions" / f"{revision}.{direction}.sql").write_text(content)

    code, out, error = call(head_database, schema=schema)
    assert (code, error) == (0, ""), out
    # It runs over its own result.
    states.execute(head_database, f"UPDATE alembic_version SET version_num = '{revisions.head()}'")
    assert call(head_database, schema=schema)[0] == 0
    with psycopg.connect(**head_database) as connection:
        trial = make_trial(connection)
        connection.execute("UPDATE trials SET curator_note = 'x' WHERE trial_id = %s", [trial])
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute("UPDATE trials SET curator_note = repeat('x', 2001)")
    assert call(head_database, revisions.head(), schema=schema)[0] == ExitCode.CONSENT_NEEDED
    assert call(head_database, revisions.head(), "--allow-destructive", revision, schema=schema)[0] == 0
    assert call(head_database, "--drift")[0] == 0
    with copies.use(schema):
        assert list(lint.find_violations()) == []


def test_the_linter_names_revision_and_rule_and_unneeded_exceptions(
    schema: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies.add_revision(schema, "20990101_slow", "CREATE INDEX IF NOT EXISTS ix_slow ON trials (phase);")
    exceptions = tmp_path / "squawk.toml"
    text = lint.EXCEPTIONS.read_text()
    exceptions.write_text(f'{text}\n[revisions.adding-not-nullable-field]\n20261127_add_site_jobs = "none"\n')
    monkeypatch.setattr(lint, "EXCEPTIONS", exceptions)
    with copies.use(schema):
        slow, unneeded = sorted(lint.find_violations(), reverse=False)
    assert slow.startswith("20990101_slow.up.sql: require-concurrent-index-creation: ")
    assert (
        unneeded == "squawk.toml: 20261127_add_site_jobs no longer needs its exception from adding-not-nullable-field"
    )
