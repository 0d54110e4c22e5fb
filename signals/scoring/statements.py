"""The SQL that brings the outcomes of a run into `scores` and `gates`."""

from ncfd_site.ingest.staging import Stage

OUTCOMES = Stage(
    "scoring_outcomes",
    {
        "signature": "text",
        "prior_pi": "numeric(6,5)",
        "logit_prior": "numeric(10,6)",
        "sum_log_lr": "numeric(10,6)",
        "logit_post": "numeric(10,6)",
        "p_fail": "numeric(6,5)",
        "metadata": "jsonb",
        "gates": "integer[]",
    },
)
KINDS = Stage(
    "scoring_kinds",
    {
        "kind": "integer",
        "code": "text",
        "fired": "boolean",
        "supporting": "varchar[]",
        "ratio": "numeric(10,6)",
        "rationale": "text",
        "metadata": "jsonb",
    },
)

HAS_RUN = "SELECT EXISTS (SELECT FROM scores WHERE run_id = %s)"
# When a score was reckoned is no part of what it says.
_DIFFERS = """
(s.prior_pi, s.logit_prior, s.sum_log_lr, s.logit_post, s.p_fail, s.features_frozen_at, s.metadata) IS DISTINCT FROM
({0}.prior_pi, {0}.logit_prior, {0}.sum_log_lr, {0}.logit_post, {0}.p_fail, {1}, {0}.metadata)
"""
# Whether another run is of a later moment than all scores of this one.
IS_OVERTAKEN = """
SELECT EXISTS (SELECT FROM scores WHERE run_id <> %(run)s
               AND scored_at > (SELECT max(scored_at) FROM scores WHERE run_id = %(run)s))
"""
MADE_GATES = "SELECT EXISTS (SELECT FROM gates WHERE metadata @> jsonb_build_object('run_id', %s::text))"
COUNT_DIFFERENT = f"""
WITH found AS (
    SELECT i.trial_id, i.frozen_at, o.* FROM scoring_input i JOIN scoring_outcomes o ON o.signature = i.signature
), stored AS (SELECT * FROM scores WHERE run_id = %(run)s)
SELECT count(*) FROM found n FULL JOIN stored s ON s.trial_id = n.trial_id
WHERE n.trial_id IS NULL OR s.trial_id IS NULL OR {_DIFFERS.format("n", "n.frozen_at")}
"""  # noqa: S608 (put together from constants)

_SCORES = """
INSERT INTO scores AS s (trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail,
                         features_frozen_at, scored_at, metadata)
SELECT i.trial_id, %(run)s, o.prior_pi, o.logit_prior, o.sum_log_lr, o.logit_post, o.p_fail,
       i.frozen_at, %(moment)s, o.metadata
FROM scoring_input i JOIN scoring_outcomes o ON o.signature = i.signature
ORDER BY i.trial_id
"""
ADD_SCORES = _SCORES
MERGE_SCORES = f"""{_SCORES}
ON CONFLICT (trial_id, run_id) DO UPDATE SET
    prior_pi = excluded.prior_pi, logit_prior = excluded.logit_prior, sum_log_lr = excluded.sum_log_lr,
    logit_post = excluded.logit_post, p_fail = excluded.p_fail, features_frozen_at = excluded.features_frozen_at,
    scored_at = excluded.scored_at, metadata = excluded.metadata
WHERE %(anew)s OR {_DIFFERS.format("excluded", "excluded.features_frozen_at")}
"""
REMOVE_SCORES = """
DELETE FROM scores s WHERE s.run_id = %(run)s AND NOT EXISTS (
    SELECT FROM scoring_input i JOIN scoring_outcomes o ON o.signature = i.signature WHERE i.trial_id = s.trial_id)
"""

MERGE_GATES = """
INSERT INTO gates AS g (trial_id, "G_id", fired_bool, "supporting_S_ids", lr_used, rationale_text, evaluated_at,
                        metadata)
SELECT i.trial_id, k.code, k.fired, k.supporting, k.ratio, k.rationale, %(moment)s, k.metadata
FROM scoring_input i
JOIN scoring_outcomes o ON o.signature = i.signature
CROSS JOIN LATERAL unnest(o.gates) AS n (kind)
JOIN scoring_kinds k ON k.kind = n.kind
ORDER BY i.trial_id, k.code
ON CONFLICT (trial_id, "G_id") DO UPDATE SET
    fired_bool = excluded.fired_bool, "supporting_S_ids" = excluded."supporting_S_ids", lr_used = excluded.lr_used,
    rationale_text = excluded.rationale_text, evaluated_at = excluded.evaluated_at, metadata = excluded.metadata
WHERE (g.fired_bool, g."supporting_S_ids", g.lr_used, g.rationale_text, g.metadata) IS DISTINCT FROM
      (excluded.fired_bool, excluded."supporting_S_ids", excluded.lr_used, excluded.rationale_text, excluded.metadata)
"""
# Gates hold the current run only. Those that score_trials did not write are somebody else's.
REMOVE_GATES = """
DELETE FROM gates g WHERE g.metadata ?& ARRAY['run_id', 'table_version'] AND NOT EXISTS (
    SELECT FROM scoring_input i JOIN scoring_outcomes o ON o.signature = i.signature WHERE i.trial_id = g.trial_id)
"""
