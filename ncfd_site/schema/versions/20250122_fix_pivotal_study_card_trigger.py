"""Store incomplete study cards; record missing fields in staging_errors."""

from ncfd_site.schema import revision_sql

revision = "20250122_fix_pivotal_study_card_trigger"
down_revision = "20250121_create_studies_table_and_guardrails"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
