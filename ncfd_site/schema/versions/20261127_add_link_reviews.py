"""Record every decision on a link; derive labels from them."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_link_reviews"
down_revision = "20261127_add_site_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
