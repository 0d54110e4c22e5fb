"""Links of a heuristic are promoted when the gate allows, and a promotion can be taken back whole."""

from ncfd_site.schema import revision_sql

revision = "20261127_promotions_can_be_taken_back"
down_revision = "20261127_link_reviews_are_kept"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
