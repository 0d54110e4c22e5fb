"""Add tombstones for deleted and moved objects, whose bytes are deleted later."""

from ncfd_site.schema import revision_sql

revision = "20261127_add_storage_tombstones"
down_revision = "20261122_derive_counts_from_references"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
