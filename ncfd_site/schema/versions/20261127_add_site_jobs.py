"""Add background jobs."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_site_jobs"
down_revision = "20261127_add_storage_tombstones"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
