"""Add studies.p_value as a generated column; rename the key of staging_errors to id."""

from ncfd_site.schema import revision_sql

revision = "20250123_add_p_value_column"
down_revision = "20250122_add_storage_refcounting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
