"""The latest score of each trial has a table; so has what became of evaluating signals, and the tokens of the API."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_trial_current_scores"
down_revision = "20261127_add_link_promotions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
