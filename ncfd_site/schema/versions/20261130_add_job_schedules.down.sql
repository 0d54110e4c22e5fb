SELECT pg_temp.refuse_loss('{"job_schedules": "true", "site_jobs": "schedule IS NOT NULL"}');

ALTER TABLE site_jobs DROP COLUMN IF EXISTS schedule;
DROP TABLE IF EXISTS job_schedules;
