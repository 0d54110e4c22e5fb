"""Record scoring runs and their state; readers see complete runs only."""

from ncfd_site.schema import revision_sql

revision = "20261130_add_score_runs"
down_revision = "20261128_add_comments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
