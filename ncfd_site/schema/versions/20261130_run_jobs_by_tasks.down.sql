-- Workers of the earlier version resume running jobs, whose leases have expired.
DO $$
BEGIN
    IF pg_temp.lacks_column('site_jobs', 'lease_until') THEN
        ALTER TABLE site_jobs RENAME COLUMN task_id TO lease_until;
        ALTER TABLE site_jobs ALTER COLUMN lease_until TYPE timestamptz USING
            CASE WHEN state = 'running' THEN '2026-11-30 00:00+00'::timestamptz END;
        ALTER TABLE site_jobs ADD CONSTRAINT ck_site_jobs_lease
            CHECK ((state = 'running') = (lease_until IS NOT NULL));
    END IF;
END $$;
