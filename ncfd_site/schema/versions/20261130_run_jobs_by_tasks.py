"""Replace the leases of jobs by tasks of procrastinate."""

from ncfd_site.schema import revision_sql

revision = "20261130_run_jobs_by_tasks"
down_revision = "20261130_add_score_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
