"""Every decision on a link is kept; the label of a link follows from them, for every writer."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_link_reviews"
down_revision = "20261127_add_site_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
