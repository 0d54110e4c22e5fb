"""Move what the loaders write into the past: they write down when they run."""

from datetime import datetime

from ncfd_site.core import sql

# The columns in which the loaders, the database's functions and its defaults write the present.
PRESENT = {
    "assets": ("created_at", "updated_at"),
    "asset_aliases": ("created_at",),
    "trials": ("last_seen_at",),
    "trial_versions": ("captured_at",),
    "documents": ("discovered_at", "fetched_at", "parsed_at"),
    "document_links": ("created_at",),
    "link_audit": ("created_at", "updated_at"),
    "storage_objects": ("created_at", "last_accessed"),
    "storage_references": ("created_at",),
    "ingest_runs": ("started_at", "finished_at"),
    "ctgov_ingest_state": ("last_run_at",),
}


def written_at(moment: datetime) -> None:
    """Make `moment` of every time that was written since the transaction began."""
    for table, columns in PRESENT.items():
        changes = ", ".join(
            f"{column} = CASE WHEN {column} >= now() THEN %(at)s ELSE {column} END" for column in columns
        )
        recent = " OR ".join(f"{column} >= now()" for column in columns)
        # Names of tables and columns are the constants above.
        sql.execute(f"UPDATE {table} SET {changes} WHERE {recent}", {"at": moment})  # noqa: S608
