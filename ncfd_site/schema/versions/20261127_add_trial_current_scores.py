"""Add the current score of each trial, signal evaluations and API tokens."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_trial_current_scores"
down_revision = "20261127_add_link_promotions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
