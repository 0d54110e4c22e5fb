"""Require sample evidence or an override for promotions; let reviewers correct decisions and undo skips."""

from ncfd_site.schema import revision_sql

revision = "20261201_add_evidence_and_corrections"
down_revision = "20261201_add_job_parts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revision_sql.run(__file__, revision, "up")


def downgrade() -> None:
    revision_sql.run(__file__, revision, "down")
