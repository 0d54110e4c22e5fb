-- Rows in the tables and columns of the later revisions up to the head of the contract.
INSERT INTO storage_objects (object_id, sha256, storage_uri, backend_type, tier, size_bytes, refcount) VALUES
    (1001, repeat('3', 64), 'local://one', 'local', 'local', 12, 2), (1002, repeat('4', 64), 's3://two', 's3', 's3', 34, 0);
INSERT INTO storage_references (reference_id, object_id, reference_type, referenced_id, created_at) VALUES
    (1001, 1001, 'document', 1001, '2024-03-03Z'), (1002, 1001, 'study', 1001, '2024-03-04Z');
UPDATE documents SET object_id = 1001 WHERE doc_id = 1001;
UPDATE studies SET object_id = 1001 WHERE study_id = 1001;
UPDATE link_audit SET label = true, label_source = 'human_review' WHERE audit_id = 1001;
INSERT INTO staging_errors (id, trial_id, error_type, error_message) VALUES (1001, 1001, 'pivotal_validation', 'kept');
INSERT INTO signals (signal_id, trial_id, "S_id", severity) VALUES (1001, 1001, 'S1', 'H'), (1002, 1001, 'S2', 'M');
INSERT INTO gates (gate_id, trial_id, "G_id", fired_bool, "supporting_S_ids", lr_used) VALUES (1001, 1001, 'G1', true, '{S1,S2}', 5);
INSERT INTO scores (score_id, trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail) VALUES
    (1001, 1001, 'run-1', 0.5, 0, 1.609438, 1.609438, 0.83333);
