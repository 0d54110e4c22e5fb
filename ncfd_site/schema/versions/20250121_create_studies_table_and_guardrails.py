"""Create the schema, with studies and the study card trigger."""

from ncfd_site.schema import revision_sql

revision = "20250121_create_studies_table_and_guardrails"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
