-- Parts are deleted at the end of their job, so nothing is lost: an open job makes them again.
DROP TABLE IF EXISTS job_parts;
