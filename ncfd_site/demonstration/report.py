"""What the demonstration put where, and where to look first."""

from dataclasses import dataclass

from ncfd_site.core import sql

# What is counted, in words, and the tables that it fills.
FILLED = [
    ("Companies", ["companies", "company_aliases", "company_relationships"]),
    ("Listings", ["exchanges", "securities", "company_securities", "v_active_us_securities"]),
    (
        "Sponsors",
        [
            "resolver_decisions", "resolver_features", "review_queue", "resolver_labels", "resolver_det_rules",
            "resolver_llm_logs", "resolver_flags", "resolver_ignore_sponsor",
        ],
    ),
    ("Trials", ["trials", "trial_versions", "ctgov_history_versions", "ingest_runs", "ctgov_ingest_state"]),
    ("Studies", ["studies", "staging_errors"]),
    ("Risk", ["signals", "signal_evaluations", "gates", "scores", "trial_current_scores"]),
    (
        "Documents",
        [
            "documents", "document_text_pages", "document_entities", "document_tables", "document_citations",
            "document_notes", "document_links",
        ],
    ),
    ("Drugs", ["assets", "asset_aliases", "merge_candidates"]),
    ("Links", ["link_audit", "trial_assets_xref", "study_assets_xref"]),
    (
        "Reviews",
        ["link_reviews", "link_disagreements", "review_samples", "review_slots", "review_skips", "interim_analyses"],
    ),
    ("Promotions", ["link_promotions", "link_promotion_items"]),
    ("Content", ["storage_objects", "storage_references", "storage_events", "storage_tombstones"]),
]  # fmt: skip
LOOK_FIRST = """\
Look first at
  /trials/       which trials are about to fail, and why, for ana
  /review/       the desk at which rita is served one link at a time
  /links/        claims of drugs in trials that wait for a decision
  /heuristics/   how often each heuristic is right: HP-1 is past the gate, HP-2 just under it
  /content/      all content in numbers, and the work on it, for olga
  /admin/        every table: scores and their gates, study cards, companies, content that could be cleaned up"""


@dataclass(frozen=True, slots=True)
class _Count:
    relation: str
    rows: int


def counts() -> dict[str, int]:
    """The rows of every table that the demonstration fills."""
    tables = [table for _, group in FILLED for table in group]
    # Names of tables are the constants above.
    query = " UNION ALL ".join(f"SELECT '{table}' AS relation, count(*) AS rows FROM {table}" for table in tables)  # noqa: S608
    return {row.relation: row.rows for row in sql.rows(query, of=_Count)}


def table() -> str:
    """The counts, a line for each part of the database."""
    found = counts()
    width = max(len(part) for part, _ in FILLED)
    return "\n".join(
        f"  {part:<{width}}  " + ", ".join(f"{name} {found[name]:,}" for name in tables) for part, tables in FILLED
    )
