"""The schema page, for databases in every state."""

import os
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.schema import retrying
from ncfd_site.schema.deploy import inspection, revisions, session
from ncfd_site.schema.deploy.compare import REPLACING_REVISION
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from ncfd_site.schema.models import MigrationLog
from ncfd_site.schema.views import SHOWN_ENTRIES
from tests import databases
from tests.factories import make_user
from tests.web.reading import text_of

# The page has its own connection, which sees committed rows only.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = revisions.head()
BEFORE_HEAD = revisions.ids()[-2]
COUNTING = "20250122_add_storage_refcounting"
LOG = "/admin/schema/migrationlog/"
COPY_LATEST_ENTRY = """
    INSERT INTO alembic_migration_log
        (run_id, revision, action, started_at, finished_at, actor, host, server_version, code_version, outcome, detail)
    SELECT run_id, revision, action, started_at, finished_at, actor, host, server_version, code_version, outcome, detail
    FROM (SELECT * FROM alembic_migration_log ORDER BY log_id DESC LIMIT 1) latest, generate_series(1, %s)
"""


@pytest.fixture
def olga(client: Client) -> Client:
    """The client of olga, an operator."""
    client.force_login(make_user(Role.OPERATOR))
    return client


@pytest.fixture
def outsider() -> Iterator[str]:
    """A server role that can sign in and read nothing."""
    name = f"outsider_{os.getpid()}"
    sql.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    sql.execute(f"DROP ROLE {name}")


def keywords() -> dict[str, Any]:
    return session.select_libpq_keywords(connection.get_connection_params())


def verify() -> None:
    inspection.verify_only(keywords(), Progress(lambda _: None, 0, RunResult(database="test")), {})


def commands(page: Any) -> list[str]:
    """Return the command blocks of the page."""
    return re.findall(r'<pre class="command"><code>(.*?)</code></pre>', page.content.decode())


def test_at_head_nothing_is_pending_and_there_is_no_drift(olga: Client) -> None:
    entries = sql.value("SELECT count(*) FROM alembic_migration_log")
    page = olga.get("/schema/")
    words = text_of(page)
    assert "At head" in words
    assert f"is at revision {HEAD}, the newest of {len(revisions.ids())}." in words
    assert "No pending migrations." in words
    assert "No drift." in words
    assert words.count("✓ applied") == len(revisions.ids())
    assert "no-store" in page["Cache-Control"]
    assert sql.value("SELECT count(*) FROM alembic_migration_log") == entries


def test_each_revision_has_summary_actor_and_host(olga: Client) -> None:
    entry = MigrationLog.objects.latest("log_id")
    words = text_of(olga.get("/schema/"))
    for revision in revisions.load_revisions():
        assert f"{revision.id} {revision.summary} ✓ applied" in words
    shown = len(revisions.ids()) + min(SHOWN_ENTRIES, len(revisions.ids()))
    assert words.count(f"{entry.actor} on {entry.host}") == shown
    assert len(re.findall(r"\d\.\d\d s\b", words)) == shown


def test_an_analyst_may_see_the_page(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST))
    assert "At head" in text_of(client.get("/schema/"))
    assert 'href="/schema/"' in client.get("/").content.decode()


def test_a_reviewer_gets_403_and_no_link(client: Client) -> None:
    client.force_login(make_user())
    page = client.get("/schema/")
    assert page.status_code == 403
    assert "schema.view_migrationlog" in text_of(page)
    assert 'href="/schema/"' not in client.get("/").content.decode()


def test_anonymous_users_are_redirected_to_login(client: Client) -> None:
    assert client.get("/schema/")["Location"] == "/accounts/login/?next=/schema/"


def test_pending_migrations_are_listed(olga: Client) -> None:
    databases.migrate(keywords(), BEFORE_HEAD)
    page = olga.get("/schema/")
    words = text_of(page)
    assert "1 pending" in words
    assert f"is at revision {BEFORE_HEAD}" in words
    assert f"Pending migrations: {HEAD} {revisions.load_revisions()[-1].summary}" in words
    assert "Impact: no table is rewritten." in words
    assert "manage.py migrate_alembic" in commands(page)
    assert f"{HEAD} {revisions.load_revisions()[-1].summary} ○ pending" in words


def test_the_plan_lists_outdated_definitions_and_rewrites(olga: Client) -> None:
    databases.migrate(keywords(), COUNTING, allow_destructive=tuple(revisions.ids()))
    sql.execute(
        "CREATE OR REPLACE FUNCTION enforce_pivotal_study_card() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NEW; END'"
    )
    words = text_of(olga.get("/schema/"))
    assert "Replaces 1 outdated definition function enforce_pivotal_study_card()" in words
    assert "Impact: the run rewrites studies (0 rows, " in words
    assert "No drift." in words
    assert f"1 outdated definition, replaced by revision {REPLACING_REVISION}" in words


def test_out_of_band_objects_are_adopted_and_are_no_drift(olga: Client) -> None:
    sql.execute("UPDATE alembic_version SET version_num = %s", ["20250123_add_link_audit_fields"])
    words = text_of(olga.get("/schema/"))
    assert "with out-of-band objects of later revisions" in words
    assert re.search(r"Adopts \d+ out-of-band objects", words)
    assert "No drift." in words


def test_a_missing_index_is_drift_and_requires_manual_action(olga: Client) -> None:
    sql.execute("DROP INDEX idx_trials_status")
    page = olga.get("/schema/")
    words = text_of(page)
    assert ": schema differs from its revision." in words
    assert "missing: index idx_trials_status" in words
    assert "1 object differs from revision" in words
    assert "to add: CREATE INDEX idx_trials_status ON public.trials USING btree (status);" in words
    assert f"manage.py migrate_alembic --adopt {HEAD}" in commands(page)
    assert "manage.py migrate_alembic" not in commands(page)


def test_extra_and_different_objects_are_listed(olga: Client) -> None:
    sql.execute("CREATE TABLE scratch (one integer PRIMARY KEY, two text)")
    words = text_of(olga.get("/schema/"))
    assert "At head" in words
    assert "differs from that revision." not in words
    assert "No drift." in words
    assert "1 extra object, left alone: table scratch" in words
    sql.execute("COMMENT ON TABLE trials IS 'mine'")
    assert "1 attribute without effect differs: comment of relation trials" in text_of(olga.get("/schema/"))
    sql.execute("ALTER TABLE trials ADD CONSTRAINT mine CHECK (trial_id > 0)")
    sql.execute("CREATE RULE mine AS ON UPDATE TO link_audit DO INSTEAD NOTHING")
    words = text_of(olga.get("/schema/"))
    assert "constraint trials.mine extra" in words
    assert "rule mine on link_audit extra" in words
    sql.execute("ALTER TABLE trials ALTER COLUMN status SET DEFAULT 'new'")
    words = text_of(olga.get("/schema/"))
    assert "column trials.status differs is" in words
    assert "differs: column trials.status" in words


def test_an_invalid_index_is_finished_by_the_next_run(olga: Client) -> None:
    sql.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_trials_status'::regclass")
    page = olga.get("/schema/")
    words = text_of(page)
    assert "Finishes what a stopped run left: index idx_trials_status" in words
    assert "No pending migrations" not in words
    assert commands(page)[0] == "manage.py migrate_alembic"


def test_an_unknown_revision_offers_no_command(olga: Client) -> None:
    sql.execute("UPDATE alembic_version SET version_num = 'abcdef123456'")
    page = olga.get("/schema/")
    words = text_of(page)
    assert ": unknown revision." in words
    assert "Set DATABASE_URL to the right database" in words
    assert "The current revision is unknown. Resolve this first." in words
    assert "unknown which are applied" in words
    assert "pending" not in words
    assert commands(page) == []


def test_several_versions_are_all_shown(olga: Client) -> None:
    sql.execute("INSERT INTO alembic_version VALUES (%s)", [BEFORE_HEAD])
    page = olga.get("/schema/")
    assert commands(page) == ["manage.py migrate_alembic --adopt auto"]
    assert text_of(page).count("in alembic_version") == 2


def test_an_empty_database_has_all_revisions_pending(olga: Client) -> None:
    databases.migrate(keywords(), "base", allow_destructive=tuple(revisions.ids()))
    words = text_of(olga.get("/schema/"))
    assert f"{len(revisions.ids())} pending" in words
    assert "is empty: none of the" in words
    assert "Drift The database is empty." in words


def test_a_changed_file_is_reported(olga: Client) -> None:
    assert "changed since" not in text_of(olga.get("/schema/"))
    sql.execute("UPDATE alembic_migration_log SET file_sha256 = 'other' WHERE revision = %s", [COUNTING])
    words = text_of(olga.get("/schema/"))
    assert f"The file of {COUNTING} changed since it was applied here" in words
    assert words.count("file changed since applied") == 1


def test_without_a_verification_its_command_is_shown(olga: Client) -> None:
    page = olga.get("/schema/")
    assert "Not verified yet." in text_of(page)
    assert commands(page) == ["manage.py migrate_alembic --verify-only"]


def test_the_last_verification_and_later_changes_are_shown(olga: Client) -> None:
    verify()
    page = olga.get("/schema/")
    assert re.search(r"✓ Passed just now, by \w+ on \S+\. Verified: [\d,]+ objects match", text_of(page))
    assert commands(page) == []
    databases.migrate(keywords(), BEFORE_HEAD)
    words = text_of(olga.get("/schema/"))
    assert f", at {HEAD}." in words
    assert "1 later log entry: verify again." in words


def test_a_failed_verification_lists_its_problems(olga: Client) -> None:
    sql.execute("DROP INDEX idx_trials_status")
    with pytest.raises(MigrationError):
        verify()
    page = olga.get("/schema/")
    assert "✗ Failed just now" in text_of(page)
    assert f"Verification against {HEAD} failed: missing: index idx_trials_status" in text_of(page)
    assert "manage.py migrate_alembic --verify-only" in commands(page)


def test_the_log_shows_its_latest_entries_and_links_to_all(olga: Client) -> None:
    verify()
    sql.execute(COPY_LATEST_ENTRY, [20])
    page = olga.get("/schema/")
    words = text_of(page)
    assert "Latest 20 entries, newest first" in words
    assert f'href="{LOG}"' in page.content.decode()
    # The latest 20 entries are verifications.
    log = words.partition("Latest 20 entries")[2]
    assert log.count("verify 2") == 20
    assert "upgrade" not in log


def test_users_without_admin_access_get_no_link_to_the_log(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST, is_staff=False))
    page = client.get("/schema/").content.decode()
    assert f"Latest {SHOWN_ENTRIES} entries, newest first" in page
    assert LOG not in page


def test_an_empty_log_has_the_command_that_fills_it(olga: Client) -> None:
    sql.execute("DROP TABLE alembic_migration_log")
    words = text_of(olga.get("/schema/"))
    assert "No entries yet." in words
    assert "manage.py migrate_alembic --verify-only adds the first entry." in words
    assert words.count("unknown: not in the log") == len(revisions.ids())


def test_a_refused_connection_is_explained(olga: Client) -> None:
    # Django's open connection stays; the page's own is refused.
    databases.execute(keywords(), "ALTER DATABASE {} ALLOW_CONNECTIONS false", keywords()["dbname"])
    page = olga.get("/schema/")
    assert page.status_code == 200
    words = text_of(page)
    assert re.search(r"The PostgreSQL server at \S+, port \d+ cannot be used: .*not currently accepting", words)
    assert "Plan" not in words


def test_missing_privileges_are_explained(olga: Client, outsider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Django's connection is open already; the page's own uses this name.
    monkeypatch.setitem(connection.settings_dict, "USER", outsider)
    words = text_of(olga.get("/schema/"))
    assert "cannot read the whole schema (permission denied for table alembic_version)" in words
    assert "Grant it SELECT" in words


def test_a_locked_table_is_explained(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # No retries.
    monkeypatch.setattr(retrying.retry_while_locked, "__defaults__", (0.0,))
    with psycopg.connect(**keywords()) as other:
        other.execute("LOCK TABLE link_audit IN ACCESS EXCLUSIVE MODE")
        assert "A table is locked, perhaps by a run of migrate_alembic" in text_of(olga.get("/schema/"))
        other.rollback()
    assert "At head" in text_of(olga.get("/schema/"))


def test_every_table_has_a_caption_and_headings_with_a_scope(olga: Client) -> None:
    sql.execute("DROP INDEX idx_trials_status")
    page = olga.get("/schema/").content.decode()
    assert page.count("<table") == page.count("<caption>") == 3
    assert re.findall(r"<th(?! scope=)[ >]", page) == []
    assert re.findall(r"<h(\d)", page.partition("<main")[2]) == ["1", *"22222"]


def test_the_number_of_queries_is_constant(olga: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    olga.get("/schema/")
    # Session, user, two for permissions; the rest uses the page's own connection.
    with django_assert_num_queries(4):
        olga.get("/schema/")
