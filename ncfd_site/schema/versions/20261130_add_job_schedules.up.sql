-- Periodic work that an operator has switched on or changed; the defaults come with the job types.
CREATE TABLE IF NOT EXISTS job_schedules (
    name text NOT NULL,
    kind text NOT NULL,
    cron text NOT NULL,
    arguments jsonb NOT NULL DEFAULT '{}',
    next_at timestamptz,
    problem text NOT NULL DEFAULT '',
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT job_schedules_pkey PRIMARY KEY (name)
);
ALTER TABLE site_jobs ADD COLUMN IF NOT EXISTS schedule text;
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_site_jobs_schedule ON site_jobs (schedule, job_id) WHERE schedule IS NOT NULL;
