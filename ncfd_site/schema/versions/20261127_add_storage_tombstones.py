"""Content that loses its row leaves a tombstone, by which its bytes are deleted later; what moves keeps its key."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_storage_tombstones"
down_revision = "20261122_derive_counts_from_references"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
