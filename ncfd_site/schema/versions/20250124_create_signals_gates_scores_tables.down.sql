SELECT pg_temp.refuse_loss('{"signals": "true", "gates": "true", "scores": "true"}');

DROP TABLE IF EXISTS scores, gates, signals;
