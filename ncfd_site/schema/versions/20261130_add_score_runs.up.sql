-- A run without a row is of another program, and complete.
CREATE TABLE IF NOT EXISTS score_runs (
    run_id text NOT NULL,
    state text NOT NULL DEFAULT 'running',
    moment timestamptz,
    table_version text,
    has_gates boolean NOT NULL DEFAULT false,
    trial_count bigint,
    started_at timestamptz DEFAULT now(),
    finished_at timestamptz,
    pruned_at timestamptz,
    CONSTRAINT score_runs_pkey PRIMARY KEY (run_id),
    CONSTRAINT ck_score_runs_state CHECK (state IN ('running', 'complete', 'failed')),
    CONSTRAINT ck_score_runs_complete CHECK (state <> 'complete' OR moment IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS ix_score_runs_hidden ON score_runs (run_id) WHERE state <> 'complete';
CREATE INDEX IF NOT EXISTS ix_score_runs_moment ON score_runs (moment);
-- A run updates each row once: half of a page lets the new version stay on it, without new index entries.
ALTER TABLE trial_current_scores SET (fillfactor = 50);

\ir ../routines/trial_current_scores.2.sql

-- Record the runs that exist.
CALL record_score_runs();
