"""Let writers of securities refresh the view of active ones, which only its owner may do."""

from ncfd_site.schema import revision_sql

revision = "20261201_refresh_active_securities"
down_revision = "20261201_add_search_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
