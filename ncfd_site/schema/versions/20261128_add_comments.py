"""Add comments to routines, and to relations without a model."""

from ncfd_site.schema import revision_sql

revision = "20261128_add_comments"
down_revision = "20261127_add_trial_current_scores"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
