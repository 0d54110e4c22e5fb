"""Add object_id to documents and studies (previously applied manually)."""

from ncfd_site.schema import revision_sql

revision = "20250123_add_storage_objects_and_references"
down_revision = "20250123_add_p_value_column"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
