"""Add storage_objects and storage_references with reference counting."""

from ncfd_site.schema import revision_sql

revision = "20250122_add_storage_refcounting"
down_revision = "20250122_fix_pivotal_study_card_trigger"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
