"""Let the owner prune old storage events, with a record."""

from ncfd_site.schema import revision_sql

revision = "20261130_prune_storage_events"
down_revision = "20261130_run_jobs_by_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
