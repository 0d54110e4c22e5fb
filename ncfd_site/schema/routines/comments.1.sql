-- docs/schema.md shows these comments. An object that already has a comment keeps it.

-- Reference counting

SELECT pg_temp.add_comment('ROUTINE', 'increment_storage_refcount(text, text, text, bigint)',
    'Adds the reference of row p_reference_id of type p_reference_type to an object, and returns the reference count. '
    'Creates a missing object with its backend as tier, size 0 and an address for any copy of its hash. An existing '
    'reference changes nothing. Safe for concurrent callers.');
SELECT pg_temp.add_comment('ROUTINE', 'decrement_storage_refcount(text, text, text, bigint)',
    'Removes a reference, and returns the reference count. A missing reference changes nothing. Returns 0 for an unknown '
    'object.');
SELECT pg_temp.add_comment('ROUTINE', 'increment_storage_refcounts(text[], text[], text[], bigint[])',
    'Adds many references: four arrays with one element per reference. Returns a row with the count of each object. One '
    'invalid element rejects the batch. Concurrent batches in any order neither deadlock nor miscount.');
SELECT pg_temp.add_comment('ROUTINE', 'decrement_storage_refcounts(text[], text[], text[], bigint[])',
    'Removes many references. The result has no row for an unknown object.');
SELECT pg_temp.add_comment('ROUTINE', 'recount_storage_objects()',
    'Corrects wrong reference counts, and records each correction in storage_events. Commits every 1,000 objects: CALL it '
    'outside of a transaction.');
SELECT pg_temp.add_comment('ROUTINE', 'get_cleanup_candidates(integer, integer)',
    'Returns objects with at most p_min_refcount references that were not used for p_max_age_days days. A hint, not '
    'permission to delete.');
SELECT pg_temp.add_comment('ROUTINE', 'validate_storage_reference(text, text, text, bigint)',
    'Raises an error that names the invalid part of a reference.');
SELECT pg_temp.add_comment('ROUTINE', 'validate_storage_references(text[], text[], text[], bigint[])',
    'Raises an error for an invalid reference, or for arrays of different lengths.');
SELECT pg_temp.add_comment('ROUTINE', 'lock_referenced_object()',
    'Trigger before an insert into storage_references: locks the object first, so that concurrent writers queue.');
SELECT pg_temp.add_comment('ROUTINE', 'update_refcount()',
    'Trigger after an insert into or delete from storage_references: updates the reference count and restarts the grace '
    'period.');
SELECT pg_temp.add_comment('ROUTINE', 'forbid_reference_update()',
    'Trigger on storage_references: references are added and released, never updated.');
SELECT pg_temp.add_comment('ROUTINE', 'forbid_refcount_write()',
    'Trigger on storage_objects: a written reference count must equal the number of references.');
SELECT pg_temp.add_comment('ROUTINE', 'forbid_referenced_deletion()',
    'Trigger on storage_objects: a referenced object cannot be deleted.');
SELECT pg_temp.add_comment('ROUTINE', 'forbid_truncate()',
    'Trigger: rejects TRUNCATE, which would bypass row triggers.');
SELECT pg_temp.add_comment('ROUTINE', 'forbid_record_change()',
    'Trigger on append-only tables: rows cannot be changed or deleted.');
SELECT pg_temp.add_comment('ROUTINE', 'release_references()',
    'Trigger after DELETE or TRUNCATE of documents and studies: releases their references in the same transaction, with '
    'objects locked in the order of their IDs.');

-- Garbage collection and tiers

SELECT pg_temp.add_comment('ROUTINE', 'delete_unreferenced_objects(bigint[], interval, interval, text)',
    'Deletes those of the objects that are unreferenced, not used for p_grace_period, and not pointed to by a document or '
    'study; skips locked ones. Their bytes are kept for p_retention. Returns the deleted objects.');
SELECT pg_temp.add_comment('ROUTINE', 'find_deletion_blocker(bigint, text, text)',
    'Returns why an unreferenced object must not be deleted: referenced (after all), foreign (its address is not one of '
    'this content store), or owned (a document or study points to it without a reference); NULL if it may be deleted.');
SELECT pg_temp.add_comment('ROUTINE', 'is_storage_uri_in_use(text)',
    'Returns whether an object or a document has this address, or another one of the same content in the same store.');
SELECT pg_temp.add_comment('ROUTINE', 'get_storage_uri_hash(text)',
    'Returns the hash in an address of the content store: local://HASH or s3://HASH, or in the form of pipelines '
    'local://HASH/NAME or s3://BUCKET/docs/HASH/NAME. NULL for anything else.');
SELECT pg_temp.add_comment('ROUTINE', 'is_same_content(text, text)',
    'Returns whether two addresses are equal, or have the same hash and store.');
SELECT pg_temp.add_comment('ROUTINE', 'tombstone_storage_uris(text[], interval, text, text)',
    'Creates tombstones for bytes without a row: they may be deleted after p_retention, unless a row has their address by '
    'then. Call it before copying bytes to a new address.');
SELECT pg_temp.add_comment('ROUTINE', 'move_storage_object(bigint, text, text, interval, text)',
    'Changes the address and tier of an object and its documents; backend_type, part of its key, stays. The bytes must '
    'already be at p_to, protected by a tombstone or a row; the old ones are kept for p_retention. Returns false, and '
    'changes nothing, if the object is no longer at p_from.');
SELECT pg_temp.add_comment('ROUTINE', 'lock_due_tombstones(text, integer)',
    'Returns expired tombstones in the order of their addresses, after p_after. Clears those whose address is in use. Locks '
    'the others until the end of the transaction, in which the caller deletes the bytes and then the tombstones.');
SELECT pg_temp.add_comment('ROUTINE', 'tombstone_old_uri()',
    'Trigger after a delete or move of an object: creates a tombstone for its old address, which expires after one hour.');
SELECT pg_temp.add_comment('ROUTINE', 'clear_storage_tombstone()',
    'Trigger after an insert or move of an object: deletes the tombstones of its content. Waits for a deletion of the bytes in '
    'progress, so insert the row before you write the bytes.');
SELECT pg_temp.add_comment('ROUTINE', 'sync_document_uris()',
    'Trigger after a move of an object: updates the address in its documents, in any form.');

-- Links, reviews and samples

SELECT pg_temp.add_comment('ROUTINE', 'get_heuristic_precision(text, timestamptz, timestamptz)',
    'Counts the links of a heuristic with created_at between the two dates, both inclusive; NULL leaves a side open. The rate '
    'is correct / reviewed with four digits, NULL if none is reviewed. No row for a heuristic without links.');
SELECT pg_temp.add_comment('ROUTINE', 'can_auto_promote_heuristic(text, numeric, integer)',
    'The promotion rule: true if at least p_min_links links are reviewed and the unrounded rate reaches p_min_precision; '
    'otherwise false, never NULL.');
SELECT pg_temp.add_comment('ROUTINE', 'record_link_review(bigint, text, text, text, text, numeric, bigint, bigint)',
    'Records a decision on a link, updates its label, and returns the ID of the review. An adjudication needs a reason, and an '
    'adjudicator who has not reviewed the link.');
SELECT pg_temp.add_comment('ROUTINE', 'effective_link_reviews(bigint)',
    'Returns the effective reviews of a link: the latest one outside of the queue or, if newer, the latest one of each '
    'reviewer in the queue. Undone reviews are ignored.');
SELECT pg_temp.add_comment('ROUTINE', 'update_link_label(bigint)',
    'Derives the label of a link, and its disagreement, from its effective reviews.');
SELECT pg_temp.add_comment('ROUTINE', 'apply_link_reviews(bigint, link_reviews[], boolean)',
    'Writes the label and the disagreement that follow from the given effective reviews.');
SELECT pg_temp.add_comment('ROUTINE', 'backfill_link_reviews()',
    'Records labels that are older than the reviews. Commits every 10,000 links: CALL it outside of a transaction.');
SELECT pg_temp.add_comment('ROUTINE', 'heuristic_lock_key(text)',
    'Returns the key of an advisory lock: decisions on links of a heuristic share it, a promotion holds it exclusively.');
SELECT pg_temp.add_comment('ROUTINE', 'set_link_review_columns()',
    'Trigger before an insert into link_reviews: locks the link, and copies its columns into the review.');
SELECT pg_temp.add_comment('ROUTINE', 'apply_link_review()',
    'Trigger after an insert into link_reviews: updates the label of the link.');
SELECT pg_temp.add_comment('ROUTINE', 'review_mode()',
    'Returns the mode that the session set in ncfd.review_mode, if it may insert reviews; NULL otherwise.');
SELECT pg_temp.add_comment('ROUTINE', 'record_new_link_labels()',
    'Trigger after an insert into link_audit: records the labels of new links.');
SELECT pg_temp.add_comment('ROUTINE', 'record_changed_link_label()',
    'Trigger after a direct update of a label in link_audit: records it; never rejects it.');
SELECT pg_temp.add_comment('ROUTINE', 'close_deleted_link_slots()',
    'Trigger after a delete from link_audit: marks open slots of the links as deleted, and removes their disagreements.');
SELECT pg_temp.add_comment('ROUTINE', 'draw_review_sample(text, integer, numeric, text, bigint, text)',
    'Draws a random sample of a heuristic''s links, reproducible from the seed, with its slots: links in no earlier sample of '
    'the purpose; for promoted, promoted links only. A share p_second_share gets a second slot. Returns the ID of the sample, '
    'or NULL if there is no link to draw.');
SELECT pg_temp.add_comment('ROUTINE', 'claim_review_slot(text, bigint, interval)',
    'Leases the next open slot of a sample (of any open sample, if NULL) to a reviewer, or renews the reviewer''s current '
    'lease. Skips links that the reviewer has reviewed or skipped. Returns no row if none is left.');
SELECT pg_temp.add_comment('ROUTINE', 'submit_review(uuid, text, text, text, numeric)',
    'Records the decision on a leased slot. Outcome: recorded; repeated (sent twice, the first review counts); or expired, '
    'unknown or deleted, which record nothing.');
SELECT pg_temp.add_comment('ROUTINE', 'skip_review(uuid, text, text)',
    'Skips a leased slot with a reason, and opens it for other reviewers. Returns whether it was leased.');
SELECT pg_temp.add_comment('ROUTINE', 'undo_review(bigint, text, interval, interval)',
    'Undoes a reviewer''s own decision in the queue, and leases the slot again. Outcome: undone; too_late; used (by an interim '
    'analysis or an adjudication); or unknown.');

-- Promotions

SELECT pg_temp.add_comment('ROUTINE', 'require_promotion_rule(text)',
    'Raises an error unless can_auto_promote_heuristic allows the promotion; returns the counts. Until the end of the '
    'transaction, a lock blocks decisions on links of the heuristic.');
SELECT pg_temp.add_comment('ROUTINE', 'start_link_promotion(text, text, text)',
    'Creates a promotion, and returns its ID. Rejects a user who supplied all labels of the heuristic.');
SELECT pg_temp.add_comment('ROUTINE', 'promote_links(bigint, bigint, integer)',
    'Promotes the next p_limit links after p_after that are pending, not labeled wrong, without disagreement, and of a known '
    'trial; skips locked ones. Checks the promotion rule again. last_audit_id is NULL if no link is left.');
SELECT pg_temp.add_comment('ROUTINE', 'revert_link_promotion(bigint, text, text)',
    'Reverts a promotion: deletes its cross-reference rows unless another promoted link needs them, and restores the status '
    'of its links unless it was changed since. Returns the number of links.');

-- Studies and scores

SELECT pg_temp.add_comment('ROUTINE', 'enforce_pivotal_study_card()',
    'Trigger on studies, on insert and on update of the card. The card of a pivotal trial must have: a non-empty array '
    'primary_endpoints; a number in sample_size.total_n (digits in text count: "842 participants"); '
    'populations.analysis_primary_on; and in results.primary an item with effect_size.value or p_value. An incomplete card is '
    'stored, with a row in staging_errors (pivotal_validation) that lists every missing field, and a warning.');
SELECT pg_temp.add_comment('ROUTINE', 'refresh_trial_current_scores(integer[])',
    'Updates the current and previous scores of trials from scores.');
SELECT pg_temp.add_comment('ROUTINE', 'sync_scores_inserted()',
    'Trigger after an insert into scores: refreshes the current scores.');
SELECT pg_temp.add_comment('ROUTINE', 'sync_scores_updated()',
    'Trigger after an update of scores: refreshes the current scores.');
SELECT pg_temp.add_comment('ROUTINE', 'sync_scores_deleted()',
    'Trigger after DELETE or TRUNCATE of scores: refreshes the current scores.');
SELECT pg_temp.add_comment('ROUTINE', 'add_trial_current_scores()',
    'Trigger after an insert into trials: adds rows without a score.');
SELECT pg_temp.add_comment('ROUTINE', 'sync_sponsor_companies()',
    'Trigger after an update of trials: copies changed sponsor companies.');
SELECT pg_temp.add_comment('ROUTINE', 'backfill_trial_current_scores()',
    'Adds missing rows and refreshes all. Commits every 10,000 trials: CALL it outside of a transaction.');

-- Relations without a key, which have no model

SELECT pg_temp.add_comment('TABLE', 'document_entities',
    'Entities recognized in the text of documents: drugs, endpoints, NCT IDs.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.doc_id', 'The document.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.page_no', 'Page number, from 1.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.ent_type', 'Type of entity: drug, endpoint, NCT ID.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.value_text', 'Text as in the document.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.value_norm', 'Text in normalized form, for comparison.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.char_start', 'Offset of the first character in the page, from 0.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.char_end', 'Offset after the last character.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.detector', 'Program that detected it.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.confidence', 'Confidence of the detector, from 0 to 1.');
SELECT pg_temp.add_comment('COLUMN', 'document_entities.created_at', 'When the row was created.');

SELECT pg_temp.add_comment('TABLE', 'document_links',
    'Links of documents to trials, studies, assets or companies, found by pipelines.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.doc_id', 'The document.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.nct_id', 'NCT ID of the trial. No foreign key.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.study_id', 'The study.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.asset_id', 'The asset.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.company_id', 'The company.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.link_type', 'Type of link: names both, reports the trial.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.confidence', 'Confidence of the link, from 0 to 1.');
SELECT pg_temp.add_comment('COLUMN', 'document_links.created_at', 'When the row was created.');

SELECT pg_temp.add_comment('VIEW', 'v_domain_aliases',
    'Domains of companies in lower case, from domain aliases and companies.website_domain.');
SELECT pg_temp.add_comment('COLUMN', 'v_domain_aliases.company_id', 'The company.');
SELECT pg_temp.add_comment('COLUMN', 'v_domain_aliases.domain_root', 'Domain in lower case.');
SELECT pg_temp.add_comment('COLUMN', 'v_domain_aliases.src', 'Source: alias or company.');
