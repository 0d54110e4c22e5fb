"""Add labels to link_audit and the precision of heuristics (previously applied manually)."""

from ncfd_site.schema import revision_sql

revision = "20250123_add_link_audit_fields"
down_revision = "20250123_add_storage_objects_and_references"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
