"""Index the beginnings of names, and the former numbers of trials, for the search."""

from ncfd_site.schema import revision_sql

revision = "20261201_add_search_indexes"
down_revision = "20261130_add_job_schedules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
