"""What neither models nor catalog can tell: rules, contracts, and where things came from."""

INTRODUCTION = """\
# The schema

ncfd watches US-listed biotech pivotal trials. Pipelines outside this project write this database and call its
functions by name, so names, types, signatures and meanings here are a contract with running programs. Alembic owns
the schema (`ncfd_site/schema/`); Django's models describe it and never make it.

This page is generated from the models and from a database at the newest revision, and a test holds it against both:
`manage.py schema_docs` writes it anew.

In the tables below, *filled* tells what the database itself puts into a column that a writer leaves out, and an empty
*NULL* means that the column always holds a value.
"""

# How each app's part of the schema hangs together; the app's own name is the heading.
APPS: dict[str, str] = {
    "storage": """\
Bytes are kept once for each backend under their SHA-256. Whoever refers to them says so in `storage_references`, and
`refcount` is the number of those rows: the references are the truth, the count follows. An object that nobody refers
to may be cleaned up after a while. A document is one publication, and its parts hold what was read out of it.
""",
    "linkaudit": """\
A heuristic claims that a document ties an asset to a trial: that is a row of `link_audit`. People say right or wrong
there. From their labels the database reckons how precise each heuristic is, and whether its links may be promoted
without a person looking; links that were promoted are rows of the two cross-references. The known heuristics are:

| heuristic | claims a link where | confidence |
| --- | --- | --- |
| HP-1 | the trial's number stands within 250 characters of the asset | 1.00 |
| HP-2 | an alias of the asset equals an intervention of the registered trial | 0.95 |
| HP-3 | a company's press release names both the code and the INN of the asset | 0.90 |
| HP-4 | an abstract has the asset in its title, and phase or indication in its body | 0.85 |
""",
    "securities": """\
Companies are known by their CIK, exchanges are an allow-list, and a security is a ticker over a range of dates. The
sponsor resolver finds the company behind the sponsor that a registry record names. Its tables are keyed by `run_id`
and `nct_id`, not by `trial_id`, because it also runs over records that are not loaded:

| table | what it is for |
| --- | --- |
| `resolver_ignore_sponsor` | patterns of sponsors that are no companies: they are left alone |
| `resolver_det_rules` | patterns that settle a sponsor at once |
| `resolver_features` | what was compared between a sponsor and each candidate company |
| `resolver_decisions` | what was decided, on what grounds, and whether a rule, a model or a person decided |
| `review_queue` | what could not be settled and waits for a person |
| `resolver_labels` | examples on which the resolver's model is trained |
| `resolver_llm_logs` | what a language model was asked and what it answered |
| `resolver_flags` | switches; `probabilistic_disabled` = `true` in a new database turns the probabilistic step off |
""",
    "signals": """\
A trial is one registry record, whose versions are kept as they change. A study is one published result with its *study
card*. From both, signals fire; combinations of signals open gates; and each gate that fired multiplies the odds of
failure by its likelihood ratio:

| signal | fires when |
| --- | --- |
| S1 | the primary endpoint changed after registration |
| S2 | a pivotal trial is underpowered: under 70 % power at the effect that it claims |
| S3 | only a subgroup wins, and multiplicity is not controlled |
| S4 | intention-to-treat is neutral or negative against a positive per-protocol result, with unequal dropout |
| S5 | the effect lies above the 75th percentile of the class, in an indication where the class keeps failing |
| S6 | several interim looks are taken without alpha spending |
| S7 | the trial has a single arm where a randomised trial is standard |
| S8 | the p-value is on the cusp: 0.045 to 0.050 |
| S9 | overall and progression-free survival contradict each other |

| gate | rule | likelihood ratio |
| --- | --- | --- |
| G1 Alpha-Meltdown | S1 and S2 | by the worst severity of its signals: H 5.0, M 3.5, L 2.0 |
| G2 Analysis-Gaming | S3 and S4 | 3.0 |
| G3 Plausibility | S5 and (S7 or S6) | 4.2 |
| G4 p-Hacking | S8 and (S1 or S3) | 2.5 |

The score of a trial: the prior is kept within 0.01 and 0.99 and each ratio within 0.25 and 10; `logit_prior` is
ln(prior / (1 - prior)), `sum_log_lr` the sum of ln(ratio) over the gates that fired, and `logit_post` their sum, kept
within -8 and 8; `p_fail` is 1 / (1 + e^-`logit_post`). A stop rule raises `p_fail` to at least 0.97 and never lowers
it: an endpoint switched after the last patient was randomised; success per protocol only, with over 20 % of the
intention-to-treat population missing; an unblinded subjective endpoint where blinding was feasible.
""",
    "schema": "The version of the schema and the log of `migrate_alembic`.\n",
    "api": "Access to the API.\n",
    "jobs": "Background jobs of the site.\n",
}

# Rules that the columns do not show.
RULES: dict[str, str] = {
    "companies": "`cik` lies between 1 and 9999999999.",
    "gates": "`G_id` and `supporting_S_ids` are written with capitals: quote them in SQL.",
    "heuristic_precision_summary": "Links without a heuristic are not counted. The rate has four digits.",
    "link_audit": "`nct_id` is text and no foreign key: a claim may name a trial that is not loaded.",
    "resolver_ignore_sponsor": "It has no primary key; the model takes `pattern`, which is unique and never NULL.",
    "securities": (
        "`ticker_norm` is `ticker` in capital letters. The date ranges of one ticker never overlap: an exclusion "
        "constraint, `ex_no_overlap_ticker`, refuses a row that would."
    ),
    "signal_evaluations": "Rows are added, and only where the outcome or its reason is another than before.",
    "site_api_tokens": (
        "`user_id` is a person of Django's `auth_user`, and no foreign key: Alembic does not own that table."
    ),
    "trial_current_scores": (
        "A newer score is one with a later `scored_at`; of two of the same moment, the one that was written later. The "
        "database follows every score that is added, changed or deleted, whoever does it. `sponsor_company_id` "
        "is that of the trial and follows it, so that an index has the trials of a company by risk."
    ),
    "signals": "`S_id` is written with a capital: quote it in SQL.",
    "studies": (
        "A trigger looks at the card of a pivotal trial (see `enforce_pivotal_study_card` below). `p_value` is a "
        "number only where `results.primary[0].p_value` is one, as a JSON number or as a text that is wholly a "
        'number: "<0.05" is not 0.05.'
    ),
    "v_active_us_securities": "It shows the state of its last refresh.",
    "v_company_canonical": (
        "Open relationships are those without an end date. Of several parents the one with the lowest number "
        "leads the way; in a ring of parents the member with the lowest number stands for all. Every company "
        "comes out once."
    ),
    "v_company_tickers": (
        "The view fits itself to the database when it is made: `issuer_name`, `exchange` and `active` come from "
        "columns of those names in `securities` where there are such columns, and are NULL where there are none. "
        "Both sides of its join are compared as text."
    ),
}

# Relations without any key, and the function that reads each: Django's models need a key.
READ_THROUGH_QUERIES: dict[str, tuple[str, str]] = {
    "document_entities": (
        "What was recognised in the text of a document: drugs, endpoints, trial numbers, with their offsets.",
        "storage.queries.list_document_entities",
    ),
    "document_links": (
        "Links of documents to trials, studies, assets or companies, as the pipelines found them.",
        "signals.companies.documents.documents_of",
    ),
    "v_domain_aliases": (
        "Domains of companies in lower case, from aliases of the kind domain and from `companies.website_domain`.",
        "securities.queries.lookups.list_domains",
    ),
}

# Meanings of the columns of those relations; everywhere else the model's field tells it.
MEANINGS: dict[str, dict[str, str]] = {
    "document_entities": {
        "doc_id": "The document. Refers to `documents.doc_id`, deleted with it.",
        "page_no": "Number of the page, from 1.",
        "ent_type": "What kind of thing it is: drug, endpoint, trial number.",
        "value_text": "The words as they stand in the text.",
        "value_norm": "The same in the form in which values are compared.",
        "char_start": "Where it begins in the page's text, in characters, the first being 0.",
        "char_end": "Where it ends: the first character after it.",
        "detector": "The program that found it.",
        "confidence": "How sure that program is, from 0 to 1.",
        "created_at": "When it was found; the database fills it.",
    },
    "document_links": {
        "doc_id": "The document. Refers to `documents.doc_id`, deleted with it.",
        "nct_id": "The trial, by its number at ClinicalTrials.gov. No foreign key.",
        "study_id": "The study. Refers to `studies.study_id`, emptied when that is deleted.",
        "asset_id": "The asset. Refers to `assets.asset_id`, emptied when that is deleted.",
        "company_id": "The company. Refers to `companies.company_id`, emptied when that is deleted.",
        "link_type": "What the document does for them: names both, reports the trial.",
        "confidence": "How sure the link is, from 0 to 1.",
        "created_at": "When it was found; the database fills it.",
    },
    "v_domain_aliases": {
        "company_id": "The company.",
        "domain_root": "The domain, in lower case.",
        "src": "Where it is from: `alias` or `company`.",
    },
}

# What each function promises to those that call it.
ROUTINES: dict[str, str] = {
    "increment_storage_refcount": (
        "Records that the row `p_reference_id` of the kind `p_reference_type` refers to the content, and returns "
        "how many references it has then. Content that is new gets a row: its tier is its backend, its size 0, "
        "its URI made from the hash. A reference that is there already changes nothing. Any number of callers at "
        "once is safe."
    ),
    "decrement_storage_refcount": (
        "Takes that reference away and returns how many are left. A reference that is not there changes nothing; "
        "for content that is not known it returns 0."
    ),
    "increment_storage_refcounts": (
        "The same for many references at once: four arrays with an element for each. Returns a row for each object, "
        "with its count. One wrong element, and nothing is done. Batches in any order neither deadlock nor miscount."
    ),
    "decrement_storage_refcounts": (
        "The same for many releases at once. Content that is not known has no row in the result."
    ),
    "recount_storage_objects": (
        "Brings counts right that drifted, a thousand in a transaction, and records each change in `storage_events`. A "
        "procedure: `CALL recount_storage_objects()`, outside a transaction."
    ),
    "delete_unreferenced_objects": (
        "Deletes those of the objects that nothing refers to, no document or study points to, and that were not used "
        "for "
        "`p_grace`; passes over what somebody works on. Their bytes stay for `p_keep` more. Returns what it deleted."
    ),
    "tombstone_storage_uris": (
        "Leaves tombstones for bytes that no row names yet or any more: if none does when `p_for` is over, they go. "
        "Whoever "
        "moves content calls it before the bytes are copied."
    ),
    "move_storage_object": (
        "Lets an object lie at another address, with its tier, and its documents name it too; `backend_type`, which "
        "is part "
        "of its key, stays. Refuses an address that nobody expects or names. Returns whether it still lay at `p_from`."
    ),
    "lock_due_tombstones": (
        "Takes tombstones whose time is over: those whose bytes a row names are lifted, the others stay locked until "
        "the "
        "end of the transaction, in which the caller deletes the bytes and then the tombstones."
    ),
    "find_deletion_blocker": (
        "Why content that looks unused is not cleaned: `referenced` after all, `foreign` (its address is none of a "
        "store of "
        "ours), `owned` (a document or a study points to it, without a reference); NULL where nothing speaks against "
        "it."
    ),
    "is_storage_uri_in_use": "Whether an object or a document names the bytes at that address.",
    "tombstone_old_uri": (
        "Runs on `storage_objects` after a row was deleted or got another address: the bytes it had are deleted an "
        "hour "
        "later, unless a row names them by then."
    ),
    "clear_storage_tombstone": (
        "Runs on `storage_objects` after a row came or got another address: its bytes stay. Waits for whoever is "
        "deleting "
        "them, so whoever brings content names it first and writes the bytes then."
    ),
    "sync_document_uris": "Runs on `storage_objects` after a row got another address: its documents name it too.",
    "record_link_review": (
        "Records a decision on a link, from which its label follows; returns its number. An adjudication needs a "
        "reason, and is "
        "refused to whoever has said something of the link."
    ),
    "effective_link_reviews": "The decisions on a link that count: see the rule of `link_reviews`.",
    "update_link_label": "Writes the label of a link, and whether it is disputed, from the decisions that count.",
    "apply_link_reviews": "Writes what follows from given decisions: `update_link_label` finds those that count.",
    "backfill_link_reviews": (
        "Makes first records of labels that are older than the records, ten thousand in a transaction. A procedure: "
        "`CALL backfill_link_reviews()`, outside a transaction."
    ),
    "draw_review_sample": (
        "Draws a random sample of a heuristic's links, reproducible from the seed, and its places in the queue; "
        "returns its "
        "number, or NULL where there is nothing to draw."
    ),
    "claim_review_slot": (
        "Leases the next place of a sample (of any open one, where none is given) to a person, or the one that the "
        "person has "
        "already. No row where nothing is left for that person."
    ),
    "submit_review": (
        "Records the decision on a leased place. `outcome`: recorded; repeated, where it was sent twice; expired, "
        "unknown or "
        "gone, and then nothing is recorded."
    ),
    "skip_review": "Passes over a leased place, with a reason; it is open again for others. Returns whether it was "
    "leased.",
    "undo_review": (
        "Retracts a person's own decision of the queue and leases the place again. `outcome`: undone; too late; used, "
        "where a "
        "look or an adjudication rests on it; unknown."
    ),
    "require_promotion_rule": (
        "Refuses unless `can_auto_promote_heuristic` allows, under a lock that keeps decisions on the heuristic's "
        "links out until "
        "the transaction ends; returns the counts."
    ),
    "start_link_promotion": (
        "Begins a promotion, with who and why, and returns its number; refuses whoever alone has supplied the labels."
    ),
    "promote_links": (
        "Promotes the next links of a promotion: pending, not labelled wrong, not disputed, of a known trial. The "
        "gate is "
        "computed again. `last_audit_id` says where to go on, and is NULL at the end."
    ),
    "revert_link_promotion": (
        "Takes a promotion back: the rows that it made go, unless other promoted links need them, and its links are "
        "what they "
        "were, unless somebody has changed that since. Returns the number of links."
    ),
    "heuristic_lock_key": "The advisory lock that decisions on a heuristic's links share and a promotion has alone.",
    "set_link_review_columns": "Runs on `link_reviews` before an insert: locks the link, and writes what it is about "
    "into the record.",
    "apply_link_review": "Runs on `link_reviews` after an insert: the label of the link follows.",
    "forbid_record_change": "Runs on `link_reviews`: a record is neither changed nor deleted.",
    "record_new_link_labels": "Runs on `link_audit` after an insert: labels that rows come with are recorded.",
    "record_changed_link_label": "Runs on `link_audit` after an update by plain SQL: the new label is recorded, and "
    "never refused.",
    "close_deleted_link_slots": "Runs on `link_audit` after a delete: places of the links say that they are gone.",
    "validate_storage_reference": "Refuses a reference whose parts are wrong, and says which.",
    "validate_storage_references": "The same for many; also where the arrays are not of one length.",
    "lock_referenced_object": (
        "Runs on `storage_references` before an insert: locks the object first, so that writers of one object queue "
        "in order."
    ),
    "update_refcount": (
        "Runs on `storage_references` after an insert or a delete: the count follows, and the time of it begins the "
        "grace before cleaning."
    ),
    "forbid_reference_update": "Runs on `storage_references`: who refers to what is released and added, not changed.",
    "forbid_refcount_write": (
        "Runs on `storage_objects` where a count is written by hand: it may be written only as the number that it is."
    ),
    "forbid_referenced_deletion": "Runs on `storage_objects` before a delete: what is referred to stays.",
    "forbid_truncate": "Runs before TRUNCATE, which would pass by the counting, and refuses it.",
    "release_references": (
        "Runs on `documents` and `studies` after a delete or TRUNCATE: what they referred to is released with them, in "
        "the same transaction, objects locked in the order of their numbers."
    ),
    "get_cleanup_candidates": (
        "Objects with at most `p_min_refcount` references that were not used for `p_max_age_days` days. It is "
        "advice, never permission to delete."
    ),
    "get_heuristic_precision": (
        "Counts the links of a heuristic whose `created_at` lies between the two dates, both inclusive; NULL "
        "leaves a side open. The rate is correct / reviewed at four digits, NULL where nothing is reviewed. No "
        "row for a heuristic without links."
    ),
    "can_auto_promote_heuristic": (
        "True when at least `p_min_links` links are reviewed and the rate, before any rounding, reaches "
        "`p_min_precision`; else false, never NULL."
    ),
    "enforce_pivotal_study_card": (
        "Runs on `studies` when a row is inserted or its card updated. The card of a pivotal trial must hold: an "
        "array `primary_endpoints` that is not empty; a number in `sample_size.total_n` (digits in words count: "
        '"842 participants"); `populations.analysis_primary_on`; and in `results.primary` an item with '
        "`effect_size.value` or `p_value`. A card that lacks some is stored all the same, with a row in "
        "`staging_errors` (`pivotal_validation`) that names every missing field, and a warning."
    ),
    "refresh_trial_current_scores": "Reads the standings of these trials anew from their scores.",
    "sync_scores_inserted": "Trigger on `scores`: standings follow scores that are added.",
    "sync_scores_updated": "Trigger on `scores`: standings follow scores that are changed.",
    "sync_scores_deleted": "Trigger on `scores`: standings follow scores that are deleted.",
    "add_trial_current_scores": "Trigger on `trials`: a new trial has a standing, without a score.",
    "sync_sponsor_companies": "Trigger on `trials`: standings follow the company of a sponsor.",
    "backfill_trial_current_scores": (
        "Makes what standings are missing and reads all of them anew, ten thousand trials in a transaction. A "
        "procedure: `CALL backfill_trial_current_scores()`, outside a transaction."
    ),
}

HAND_APPLIED = """\
## SQL that was applied by hand

Three files of SQL had been applied by hand before Alembic owned the schema, so a live database may hold their objects
already, whole or in part. The revisions that they became make what is missing and keep what is there; a downgrade
drops only what its own revision made.

| file | became the revision |
| --- | --- |
| `20250123_add_storage_objects_and_references.sql` | `20250123_add_storage_objects_and_references` |
| `20250123_add_link_audit_fields.sql` | `20250123_add_link_audit_fields` |
| `20250820_company_security_link_and_view.sql` | `20250124_add_resolver_system_and_company_securities` |

Two revisions speak of the storage tables, `20250122_add_storage_refcounting` and
`20250123_add_storage_objects_and_references`: whichever comes first makes them. `company_securities` and
`v_company_tickers` are in the first revision already; the eighth makes them where they are missing, and turns an
integer `security_id` into text.
"""
