"""The writers of each relation, and of columns with another writer."""

from dataclasses import dataclass, field

_LOAD_CTGOV = "`load_ctgov`"
_LOAD_SEC = "`load_sec_tickers`"
_LOAD_LINKS = "`load_link_audits`"
_PIPELINES = "pipelines"
_RESOLVER = "the sponsor resolver (a pipeline)"
_CURATORS = "curators of the resolver"
_QUERY = "nothing: computed by the database on read"
_LABEL = "the writer of `label`, in the same statement"


@dataclass(frozen=True)
class Writers:
    """The writers of a relation; `columns` has those of columns with another writer."""

    by: str
    columns: dict[str, str] = field(default_factory=dict)


WRITERS: dict[str, Writers] = {
    "alembic_version": Writers("Alembic, on upgrade and downgrade"),
    "alembic_migration_log": Writers(
        "`migrate_alembic`, `alembic upgrade` and `alembic downgrade`, one row per action"
    ),
    "storage_objects": Writers(
        f"{_PIPELINES} and {_LOAD_CTGOV}, through `increment_storage_refcount`",
        {
            "refcount": "triggers on `storage_references`; other writes are rejected",
            "last_accessed": "triggers on `storage_references`, and pipelines that read the content",
        },
    ),
    "storage_references": Writers(
        "`increment_storage_refcount` and `decrement_storage_refcount` and their batch forms, called by pipelines, "
        "loaders and operators (in the admin); a trigger, when a document or study is deleted"
    ),
    "storage_events": Writers("functions of the database; the site and its commands, for actions of users"),
    "storage_tombstones": Writers(
        "triggers, when an object is deleted or moved; `tombstone_storage_uris`, for `storage_tier` and "
        "`storage_repair`; `storage_gc` deletes them with the bytes"
    ),
    "site_api_tokens": Writers("users, on the token page; the API, for `last_used_at`"),
    "job_schedules": Writers("operators, on the page of schedules; `run_jobs`, which starts what is due"),
    "job_parts": Writers("`run_jobs`, which deletes them at the end of the job"),
    "site_jobs": Writers("the site, when a user starts a job; `run_jobs`, which runs it"),
    "documents": Writers(f"{_PIPELINES}, {_LOAD_CTGOV} and {_LOAD_LINKS}"),
    "document_text_pages": Writers(f"{_PIPELINES} and {_LOAD_CTGOV}"),
    "document_tables": Writers(_PIPELINES),
    "document_entities": Writers(_PIPELINES),
    "document_citations": Writers(_PIPELINES),
    "document_notes": Writers("users, through tools of the pipelines"),
    "document_links": Writers(_PIPELINES),
    "assets": Writers(f"{_PIPELINES}, {_LOAD_CTGOV} and {_LOAD_LINKS}"),
    "asset_aliases": Writers(f"{_PIPELINES}, {_LOAD_CTGOV} and {_LOAD_LINKS}"),
    "merge_candidates": Writers(_PIPELINES),
    "link_audit": Writers(
        f"{_PIPELINES}, {_LOAD_CTGOV} (heuristic HP-2) and {_LOAD_LINKS}",
        {
            "label": f"reviewers, on the site; {_LOAD_LINKS}, if the file has labels",
            "label_source": _LABEL,
            "reviewed_by": _LABEL,
            "reviewed_at": _LABEL,
            "review_notes": "reviewers, on the site",
            "promotion_status": "`promote_links`, and pipelines that promote; a label never changes it",
        },
    ),
    "link_reviews": Writers(
        "reviewers, on the site, through `submit_review` and `record_link_review`; triggers, for labels written to "
        "`link_audit`"
    ),
    "link_disagreements": Writers("triggers, from the reviews"),
    "review_samples": Writers("operators, through `draw_review_sample`"),
    "review_slots": Writers("`draw_review_sample`, `claim_review_slot`, `submit_review`, `skip_review`, `undo_review`"),
    "review_skips": Writers("`skip_review`"),
    "interim_analyses": Writers("the site, when all slots up to the size of an interim analysis are resolved"),
    "link_promotions": Writers("operators, through `start_link_promotion` and `revert_link_promotion`"),
    "link_promotion_items": Writers("`promote_links`"),
    "trial_assets_xref": Writers("`promote_links`, and pipelines that promote links"),
    "study_assets_xref": Writers("`promote_links`, and pipelines that promote links"),
    "heuristic_precision_summary": Writers(_QUERY),
    "companies": Writers(f"{_LOAD_SEC} and {_PIPELINES}"),
    "company_aliases": Writers(f"{_PIPELINES}; {_LOAD_SEC}, for former names"),
    "company_relationships": Writers(_PIPELINES),
    "company_securities": Writers(f"{_LOAD_SEC}; operators, in the admin"),
    "exchanges": Writers(f"the first revision (five exchanges); {_LOAD_SEC}, for unknown ones"),
    "securities": Writers(_LOAD_SEC),
    "v_active_us_securities": Writers(f"`REFRESH MATERIALIZED VIEW`, at the end of {_LOAD_SEC}"),
    "v_company_canonical": Writers(_QUERY),
    "v_company_tickers": Writers(_QUERY),
    "v_domain_aliases": Writers(_QUERY),
    "resolver_decisions": Writers(_RESOLVER),
    "resolver_det_rules": Writers(_CURATORS),
    "resolver_features": Writers(_RESOLVER),
    "resolver_flags": Writers(f"the first revision (one flag); {_CURATORS}"),
    "resolver_ignore_sponsor": Writers(f"the first revision (two patterns); {_CURATORS}"),
    "resolver_labels": Writers(_CURATORS),
    "resolver_llm_logs": Writers(_RESOLVER),
    "review_queue": Writers(_RESOLVER, {"status": _CURATORS, "resolved_at": _CURATORS}),
    "trials": Writers(f"{_LOAD_CTGOV} and {_PIPELINES}"),
    "trial_versions": Writers(f"{_LOAD_CTGOV} and {_PIPELINES}, one row per changed record"),
    "ctgov_history_versions": Writers(f"{_LOAD_CTGOV}, unless a pipeline has filled the list, and {_PIPELINES}"),
    "ctgov_ingest_state": Writers(f"{_LOAD_CTGOV} and the registry pipeline"),
    "ingest_runs": Writers("loaders and pipelines, one row per run"),
    "studies": Writers(_PIPELINES, {"p_value": "the database (generated from `extracted_jsonb`)"}),
    "staging_errors": Writers("the trigger on `studies`; pipelines, for their own errors"),
    "signals": Writers("the pipeline that evaluates signals; `fire_registry_signals`, for S1 and S7"),
    "signal_evaluations": Writers("`fire_registry_signals`, and pipelines that report their evaluations"),
    "score_runs": Writers("`score_trials`; `prune`, for `pruned_at`"),
    "trial_current_scores": Writers("triggers on `trials`, `scores` and `score_runs`"),
    "gates": Writers("`score_trials`, and the pipeline that evaluates gates"),
    "scores": Writers("`score_trials`, and pipelines that score trials"),
}
