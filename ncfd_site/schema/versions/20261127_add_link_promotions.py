"""Add promotions of links by the promotion rule, and their reversal."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_link_promotions"
down_revision = "20261127_add_link_reviews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
