CREATE TABLE IF NOT EXISTS signals (
    signal_id bigserial,
    trial_id bigint NOT NULL,
    "S_id" varchar(10) NOT NULL,
    value numeric(10,6),
    severity varchar(1) NOT NULL,
    evidence_span text,
    source_study_id bigint,
    fired_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT signals_pkey PRIMARY KEY (signal_id),
    CONSTRAINT ck_signals_severity_valid CHECK (severity IN ('H', 'M', 'L')),
    CONSTRAINT ck_signals_s_id_format CHECK ("S_id" ~ '^S[1-9]$'),
    CONSTRAINT ck_signals_value_range CHECK ((value IS NULL) OR ((value >= -999999.999999) AND (value <= 999999.999999))),
    CONSTRAINT signals_source_study_id_fkey FOREIGN KEY (source_study_id) REFERENCES studies(study_id) ON DELETE SET NULL,
    CONSTRAINT signals_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_signals_fired_at ON signals (fired_at);
CREATE INDEX IF NOT EXISTS ix_signals_metadata_gin ON signals USING gin (metadata);
CREATE INDEX IF NOT EXISTS ix_signals_s_id ON signals ("S_id");
CREATE INDEX IF NOT EXISTS ix_signals_severity ON signals (severity);
CREATE INDEX IF NOT EXISTS ix_signals_trial_id ON signals (trial_id);
CREATE UNIQUE INDEX IF NOT EXISTS ix_signals_trial_s_id ON signals (trial_id, "S_id");

CREATE TABLE IF NOT EXISTS gates (
    gate_id bigserial,
    trial_id bigint NOT NULL,
    "G_id" varchar(10) NOT NULL,
    fired_bool boolean NOT NULL,
    "supporting_S_ids" varchar(10)[],
    lr_used numeric(10,6),
    rationale_text text,
    evaluated_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT gates_pkey PRIMARY KEY (gate_id),
    CONSTRAINT ck_gates_g_id_format CHECK ("G_id" ~ '^G[1-4]$'),
    CONSTRAINT ck_gates_lr_range CHECK ((lr_used IS NULL) OR ((lr_used >= 0) AND (lr_used <= 999999.999999))),
    CONSTRAINT gates_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_gates_fired_bool ON gates (fired_bool);
CREATE INDEX IF NOT EXISTS ix_gates_g_id ON gates ("G_id");
CREATE INDEX IF NOT EXISTS ix_gates_metadata_gin ON gates USING gin (metadata);
CREATE UNIQUE INDEX IF NOT EXISTS ix_gates_trial_g_id ON gates (trial_id, "G_id");
CREATE INDEX IF NOT EXISTS ix_gates_trial_id ON gates (trial_id);

CREATE TABLE IF NOT EXISTS scores (
    score_id bigserial,
    trial_id bigint NOT NULL,
    run_id varchar(50) NOT NULL,
    prior_pi numeric(6,5) NOT NULL,
    logit_prior numeric(10,6) NOT NULL,
    sum_log_lr numeric(10,6) NOT NULL,
    logit_post numeric(10,6) NOT NULL,
    p_fail numeric(6,5) NOT NULL,
    features_frozen_at timestamptz,
    scored_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT scores_pkey PRIMARY KEY (score_id),
    CONSTRAINT ck_scores_logit_post_range CHECK ((logit_post >= -20) AND (logit_post <= 20)),
    CONSTRAINT ck_scores_logit_prior_range CHECK ((logit_prior >= -20) AND (logit_prior <= 20)),
    CONSTRAINT ck_scores_p_fail_range CHECK ((p_fail >= 0) AND (p_fail <= 1)),
    CONSTRAINT ck_scores_prior_pi_range CHECK ((prior_pi >= 0) AND (prior_pi <= 1)),
    CONSTRAINT ck_scores_sum_log_lr_range CHECK ((sum_log_lr >= -20) AND (sum_log_lr <= 20)),
    CONSTRAINT scores_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_scores_metadata_gin ON scores USING gin (metadata);
CREATE INDEX IF NOT EXISTS ix_scores_p_fail ON scores (p_fail);
CREATE INDEX IF NOT EXISTS ix_scores_run_id ON scores (run_id);
CREATE INDEX IF NOT EXISTS ix_scores_scored_at ON scores (scored_at);
CREATE INDEX IF NOT EXISTS ix_scores_trial_id ON scores (trial_id);
CREATE UNIQUE INDEX IF NOT EXISTS ix_scores_trial_run ON scores (trial_id, run_id);
