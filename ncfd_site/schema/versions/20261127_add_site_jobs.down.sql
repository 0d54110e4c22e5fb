SELECT pg_temp.refuse_loss('{"site_jobs": "true"}');

DROP TABLE IF EXISTS site_jobs;
