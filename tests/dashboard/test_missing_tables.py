"""A table that is away takes its own tiles along and no other, and never the page."""

from collections.abc import Iterator

import pytest
from django.test import Client

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.dashboard.test_failures import KEYS, unread
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

# Which tiles read a table.
READERS = {
    "link_reviews": ["queue"],
    "link_audit": ["queue"],
    "link_disagreements": ["queue", "disagreements"],
    "trial_current_scores": ["movements", "readouts", "risk", "gates"],
    "scores": ["movements", "risk", "gates", "freshness"],
    "staging_errors": ["errors"],
    "ingest_runs": ["loads", "freshness"],
    "site_jobs": ["queue", "loads", "running", "content"],
    "procrastinate_jobs": ["running"],
    "procrastinate_workers": ["running"],
    "documents": ["freshness"],
    "alembic_version": ["schema"],
    "alembic_migration_log": ["schema"],
    "storage_events": ["content"],
}


@pytest.fixture(params=READERS)
def away(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a table that is away during the test."""
    table = str(request.param)
    sql.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    yield table
    sql.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


def test_only_the_tiles_that_read_it_show_an_error(away: str) -> None:
    for role in (None, *Role):
        client = Client()
        client.force_login(make_user(role, is_superuser=role is None))
        answer = client.get("/")
        assert answer.status_code == 200, role
        page = answer.content.decode()
        found = unread(page)
        # A tile reads only what the user may see, so a group may avoid an error that a superuser gets.
        assert found == READERS[away] if role is None else set(found) <= set(READERS[away]), role
        assert [key for key in KEYS if f'id="tile-{key}"' in page], role
        assert "Traceback" not in page
        assert f'relation "{away}"' not in page
