"""Add schedules of jobs."""

from ncfd_site.schema import revision_sql

revision = "20261130_add_job_schedules"
down_revision = "20261130_prune_storage_events"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
