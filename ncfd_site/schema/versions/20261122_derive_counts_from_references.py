"""Derive reference counts from storage_references; log actions on objects."""

from ncfd_site.schema import revision_sql

revision = "20261122_derive_counts_from_references"
down_revision = "20250125_replace_faulty_routines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
