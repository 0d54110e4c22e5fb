"""Who writes each relation, and which columns somebody else writes."""

from dataclasses import dataclass, field

_LOAD_CTGOV = "`load_ctgov`"
_LOAD_SEC = "`load_sec_tickers`"
_LOAD_LINKS = "`load_link_audits`"
_PIPELINES = "the pipelines"
_RESOLVER = "the sponsor resolver, a pipeline"
_QUERY = "nobody: the database computes it when it is read"


@dataclass(frozen=True)
class Writers:
    """Who writes a relation; `columns` names those whose values come from elsewhere."""

    by: str
    columns: dict[str, str] = field(default_factory=dict)


WRITERS: dict[str, Writers] = {
    "alembic_version": Writers("Alembic, when a revision is applied or taken back"),
    "alembic_migration_log": Writers(
        "`migrate_alembic` and `alembic upgrade` or `downgrade`, one row for each thing that they did"
    ),
    "storage_objects": Writers(
        f"{_PIPELINES} and {_LOAD_CTGOV}, through `increment_storage_refcount`",
        {
            "refcount": "the database, as `storage_references` change; written by hand it is refused",
            "last_accessed": "the database, as references come and go, and pipelines that read the content",
        },
    ),
    "storage_references": Writers(
        "`increment_storage_refcount` and `decrement_storage_refcount`, and their plurals for many at once, which "
        "pipelines, loaders and operators (in the admin) call; the database, when a document or a study is deleted"
    ),
    "storage_events": Writers(
        "the database, where it brings a count right, cleans or moves; the site and its commands, for what people do"
    ),
    "storage_tombstones": Writers(
        "the database, when a row of `storage_objects` is deleted or moved; `storage_tier` and `storage_repair`, "
        "through "
        "`tombstone_storage_uris`; `storage_gc` takes them away with the bytes"
    ),
    "site_api_tokens": Writers("people, on the page of their tokens; the API, for `last_used_at`"),
    "site_jobs": Writers("the site, when people start long work; `run_jobs`, which does it"),
    "documents": Writers(f"{_PIPELINES}, {_LOAD_CTGOV} and {_LOAD_LINKS}"),
    "document_text_pages": Writers(f"{_PIPELINES} and {_LOAD_CTGOV}"),
    "document_tables": Writers(_PIPELINES),
    "document_entities": Writers(_PIPELINES),
    "document_citations": Writers(_PIPELINES),
    "document_notes": Writers("people, through the pipelines' tools"),
    "document_links": Writers(_PIPELINES),
    "assets": Writers(f"{_PIPELINES}, {_LOAD_CTGOV} and {_LOAD_LINKS}"),
    "asset_aliases": Writers(f"{_PIPELINES}, {_LOAD_CTGOV} and {_LOAD_LINKS}"),
    "merge_candidates": Writers(_PIPELINES),
    "link_audit": Writers(
        f"{_PIPELINES}, {_LOAD_CTGOV} (heuristic HP-2) and {_LOAD_LINKS}",
        {
            "label": f"reviewers, on the site; {_LOAD_LINKS}, where the file has labels",
            "label_source": "whoever writes `label`, in the same statement",
            "reviewed_by": "whoever writes `label`, in the same statement",
            "reviewed_at": "whoever writes `label`, in the same statement",
            "review_notes": "reviewers, on the site",
            "promotion_status": "`promote_links`, and pipelines that promote; a label never changes it",
        },
    ),
    "link_reviews": Writers(
        "reviewers, on the site, through `submit_review` and `record_link_review`; the database, for labels that are "
        "written "
        "to `link_audit` directly"
    ),
    "link_disagreements": Writers("the database, from the decisions"),
    "review_samples": Writers("operators, through `draw_review_sample`"),
    "review_slots": Writers("`draw_review_sample`, `claim_review_slot`, `submit_review`, `skip_review`, `undo_review`"),
    "review_skips": Writers("`skip_review`"),
    "interim_analyses": Writers("the site, when a sample reaches a size at which it is looked at"),
    "link_promotions": Writers("the site, when a person promotes a heuristic's links or takes that back"),
    "link_promotion_items": Writers("`promote_links`"),
    "trial_assets_xref": Writers("`promote_links`, and pipelines that promote links"),
    "study_assets_xref": Writers("`promote_links`, and pipelines that promote links"),
    "heuristic_precision_summary": Writers(_QUERY),
    "companies": Writers(f"{_LOAD_SEC} and {_PIPELINES}"),
    "company_aliases": Writers(f"{_PIPELINES}; {_LOAD_SEC}, for former names"),
    "company_relationships": Writers(_PIPELINES),
    "company_securities": Writers(f"{_LOAD_SEC}; operators, in the admin"),
    "exchanges": Writers(f"the first revision (five exchanges); {_LOAD_SEC}, for those that it does not know"),
    "securities": Writers(_LOAD_SEC),
    "v_active_us_securities": Writers(f"the database, on `REFRESH MATERIALIZED VIEW`, with which {_LOAD_SEC} ends"),
    "v_company_canonical": Writers(_QUERY),
    "v_company_tickers": Writers(_QUERY),
    "v_domain_aliases": Writers(_QUERY),
    "resolver_decisions": Writers(_RESOLVER),
    "resolver_det_rules": Writers("people who keep the resolver"),
    "resolver_features": Writers(_RESOLVER),
    "resolver_flags": Writers("the first revision (one flag); people who keep the resolver"),
    "resolver_ignore_sponsor": Writers("the first revision (two patterns); people who keep the resolver"),
    "resolver_labels": Writers("people who label for the resolver"),
    "resolver_llm_logs": Writers(_RESOLVER),
    "review_queue": Writers(
        _RESOLVER, {"status": "people who work the queue", "resolved_at": "people who work the queue"}
    ),
    "trials": Writers(f"{_LOAD_CTGOV} and {_PIPELINES}"),
    "trial_versions": Writers(f"{_LOAD_CTGOV} and {_PIPELINES}, a row when the record changed"),
    "ctgov_history_versions": Writers(_PIPELINES),
    "ctgov_ingest_state": Writers(f"{_LOAD_CTGOV} and the pipeline that follows the registry"),
    "ingest_runs": Writers("every loader and pipeline that reads a source, one row for each run"),
    "studies": Writers(_PIPELINES, {"p_value": "the database, from `extracted_jsonb`; it cannot be written"}),
    "staging_errors": Writers("the trigger on `studies`; pipelines, for complaints of their own"),
    "signals": Writers("the pipeline that evaluates signals; `fire_registry_signals`, for S1 and S7"),
    "signal_evaluations": Writers("`fire_registry_signals`, and pipelines that tell what they evaluated"),
    "trial_current_scores": Writers("the database, as trials are added and scores are written"),
    "gates": Writers("`score_trials`, and the pipeline that evaluates gates"),
    "scores": Writers("`score_trials`, and pipelines that score trials"),
}
