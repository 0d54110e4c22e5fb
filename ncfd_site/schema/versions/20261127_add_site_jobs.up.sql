CREATE TABLE IF NOT EXISTS site_jobs (
    job_id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    arguments jsonb NOT NULL DEFAULT '{}',
    exclusive text,
    state text NOT NULL DEFAULT 'queued',
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    worker text,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    step text NOT NULL DEFAULT '',
    done bigint NOT NULL DEFAULT 0,
    total bigint,
    unit text NOT NULL DEFAULT '',
    checkpoint jsonb NOT NULL DEFAULT '{}',
    canceled_by text,
    canceled_at timestamptz,
    result jsonb,
    error text,
    CONSTRAINT site_jobs_pkey PRIMARY KEY (job_id),
    CONSTRAINT ck_site_jobs_state CHECK (state IN ('queued', 'running', 'done', 'failed', 'canceled')),
    CONSTRAINT ck_site_jobs_lease CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT ck_site_jobs_finished CHECK ((state IN ('done', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CONSTRAINT ck_site_jobs_done CHECK (done >= 0 AND total >= 0)
);
CREATE INDEX IF NOT EXISTS ix_site_jobs_open ON site_jobs (job_id) WHERE state IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS ix_site_jobs_kind ON site_jobs (kind, job_id);
-- At most one open job per value: a second one is rejected, not queued.
CREATE UNIQUE INDEX IF NOT EXISTS uq_site_jobs_exclusive ON site_jobs (exclusive) WHERE state IN ('queued', 'running');
