"""Add parts of jobs."""

from ncfd_site.schema import revision_sql

revision = "20261201_add_job_parts"
down_revision = "20261201_refresh_active_securities"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
