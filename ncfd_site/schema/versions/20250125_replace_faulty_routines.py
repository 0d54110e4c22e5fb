"""Replace faulty functions, triggers and views of live databases."""

from ncfd_site.schema import revision_sql

revision = "20250125_replace_faulty_routines"
down_revision = "20250124_add_resolver_system_and_company_securities"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
