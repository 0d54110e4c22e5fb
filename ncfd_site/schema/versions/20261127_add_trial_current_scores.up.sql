-- sponsor_company_id is copied from trials, so that an index has the riskiest trials of a company, or of none.
CREATE TABLE IF NOT EXISTS trial_current_scores (
    trial_id integer NOT NULL,
    score_id bigint,
    run_id text,
    scored_at timestamptz,
    p_fail numeric(6,5),
    previous_run_id text,
    previous_p_fail numeric(6,5),
    change numeric(6,5) GENERATED ALWAYS AS (p_fail - previous_p_fail) STORED,
    sponsor_company_id integer,
    CONSTRAINT trial_current_scores_pkey PRIMARY KEY (trial_id),
    CONSTRAINT trial_current_scores_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_trial_current_scores_p_fail ON trial_current_scores (p_fail DESC NULLS LAST, trial_id) INCLUDE (sponsor_company_id);
CREATE INDEX IF NOT EXISTS ix_trial_current_scores_company ON trial_current_scores (sponsor_company_id, p_fail DESC NULLS LAST, trial_id)
    WHERE sponsor_company_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS ix_trial_current_scores_no_company ON trial_current_scores (p_fail DESC NULLS LAST, trial_id)
    WHERE sponsor_company_id IS NULL;
CREATE INDEX IF NOT EXISTS ix_trial_current_scores_change ON trial_current_scores (change DESC NULLS LAST, trial_id);

CREATE TABLE IF NOT EXISTS signal_evaluations (
    evaluation_id bigint GENERATED ALWAYS AS IDENTITY,
    trial_id integer NOT NULL,
    s_id text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    evaluated_at timestamptz NOT NULL DEFAULT now(),
    evaluated_by text NOT NULL,
    CONSTRAINT signal_evaluations_pkey PRIMARY KEY (evaluation_id),
    CONSTRAINT signal_evaluations_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE,
    CONSTRAINT ck_signal_evaluations_s_id CHECK (s_id ~ '^S[1-9]$'),
    CONSTRAINT ck_signal_evaluations_outcome CHECK (outcome IN ('fired', 'not fired', 'not evaluated')),
    CONSTRAINT ck_signal_evaluations_reason CHECK (btrim(reason) <> '')
);
CREATE UNIQUE INDEX IF NOT EXISTS uq_signal_evaluations_evaluated_at ON signal_evaluations (trial_id, s_id, evaluated_at);

CREATE TABLE IF NOT EXISTS site_api_tokens (
    token_id bigint GENERATED ALWAYS AS IDENTITY,
    user_id integer NOT NULL,
    name text NOT NULL,
    token_sha256 text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT site_api_tokens_pkey PRIMARY KEY (token_id),
    CONSTRAINT uq_site_api_tokens_sha256 UNIQUE (token_sha256),
    CONSTRAINT ck_site_api_tokens_sha256 CHECK (token_sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_site_api_tokens_name CHECK (btrim(name) <> '')
);
CREATE INDEX IF NOT EXISTS ix_site_api_tokens_user ON site_api_tokens (user_id, token_id);

\ir ../routines/trial_current_scores.1.sql

-- Add rows for trials that existed before the triggers.
CALL backfill_trial_current_scores();
-- Queries of the site: runs by risk, fired gates, trials by readout and sponsor, rows of a study or company.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_scores_run_p_fail ON scores (run_id, p_fail DESC, trial_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_gates_fired ON gates ("G_id", trial_id) WHERE fired_bool;
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_trials_readout ON trials (est_primary_completion_date, trial_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_trials_sponsor_company ON trials (sponsor_company_id, est_primary_completion_date);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_trials_sponsor_words ON trials USING gin (to_tsvector('simple', coalesce(sponsor_text, '')));
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_asset_aliases_words ON asset_aliases USING gin (to_tsvector('simple', alias));
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_signals_source_study ON signals (source_study_id) WHERE source_study_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_staging_errors_study ON staging_errors (study_id) WHERE study_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_document_links_company ON document_links (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_company_relationships_child ON company_relationships (child_company_id);
