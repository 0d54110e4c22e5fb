"""Link companies to securities by text keys (previously applied manually)."""

from ncfd_site.schema import revision_sql

revision = "20250124_add_resolver_system_and_company_securities"
down_revision = "20250124_signals_gates_scores"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
