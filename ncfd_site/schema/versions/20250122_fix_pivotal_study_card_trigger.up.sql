CREATE TABLE IF NOT EXISTS staging_errors (
    error_id bigserial,
    trial_id bigint,
    study_id bigint,
    error_type text NOT NULL,
    error_message text NOT NULL,
    extracted_jsonb jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT staging_errors_pkey PRIMARY KEY (error_id),
    CONSTRAINT staging_errors_study_id_fkey FOREIGN KEY (study_id) REFERENCES studies(study_id) ON DELETE CASCADE,
    CONSTRAINT staging_errors_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_staging_errors_created_at ON staging_errors (created_at);
CREATE INDEX IF NOT EXISTS ix_staging_errors_error_type ON staging_errors (error_type);
CREATE INDEX IF NOT EXISTS ix_staging_errors_trial_id ON staging_errors (trial_id);

\ir ../routines/pivotal_study_card.2.sql
