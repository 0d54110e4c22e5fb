-- Procrastinate runs the jobs, and a worker without a heartbeat is lost. The end of a lease has no meaning then, so its
-- column becomes that of the task. Running jobs are queued: a worker of the earlier version that still has one stops at
-- its next write, and `run_jobs` gives tasks to jobs without one.
DO $$
BEGIN
    IF pg_temp.lacks_column('site_jobs', 'task_id') THEN
        ALTER TABLE site_jobs DROP CONSTRAINT ck_site_jobs_lease;
        UPDATE site_jobs SET state = 'queued' WHERE state = 'running';
        ALTER TABLE site_jobs ALTER COLUMN lease_until TYPE bigint USING NULL;
        ALTER TABLE site_jobs RENAME COLUMN lease_until TO task_id;
    END IF;
END $$;
