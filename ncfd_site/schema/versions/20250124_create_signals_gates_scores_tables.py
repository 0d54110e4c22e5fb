"""Add signals, gates and scores."""

from ncfd_site.schema import revision_sql

revision = "20250124_signals_gates_scores"
down_revision = "20250123_add_link_audit_fields"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
