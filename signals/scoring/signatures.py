"""Signatures of stored rows: hashes, by the server, of everything that the verification of a row depends on.

Most rows equal an earlier one. A row with the signature of one without mismatches has none, and is not read. Times are
in a signature by their order, because they are only compared.
"""

from signals.models import IS_IN_COMPLETE_RUN

# Signatures of rows without mismatches that are kept.
MAX_SIGNATURES = 200_000

SCORES = f"""
SELECT s.score_id, s.run_id, sha256(convert_to(concat_ws(' ', s.metadata, ROW(
    s.prior_pi, s.logit_prior, s.sum_log_lr, s.logit_post, s.p_fail, s.scored_at, s.scored_at > %(now)s,
    s.features_frozen_at IS NULL, s.features_frozen_at > s.scored_at,
    date_trunc('day', s.features_frozen_at, 'UTC') = s.features_frozen_at)), 'UTF8'))
FROM scores s WHERE {IS_IN_COMPLETE_RUN} AND s.trial_id BETWEEN %(first)s AND %(last)s AND {{condition}}
"""  # noqa: S608 (constants)

# The numbered times of the gates: an owner that did not change a gate has evaluated it too.
TIMES = """
(SELECT n, greatest(at, CASE WHEN g.is_owned THEN %(moment)s::timestamptz END) AS at
 FROM unnest(g.evaluated_at) WITH ORDINALITY AS u (at, n)) k
"""
# The gates of a trial. Without a score of one run that all of them belong to, there is no signature.
GATES = """
SELECT g.trial_id, g.gate_count, CASE WHEN s.score_id IS NOT NULL THEN sha256(convert_to(concat_ws(' ',
    g.rows, s.run_id, s.metadata, s.features_frozen_at IS NULL,
    (SELECT string_agg(ROW(k.n, k.at > %(now)s)::text, '' ORDER BY k.n) FROM {times}),
    (SELECT string_agg(
         ROW(i."S_id", i.severity, i.fired_at > s.features_frozen_at, k.n, i.fired_at < k.at)::text, ''
         ORDER BY i."S_id", k.n)
     FROM signals i, {times} WHERE i.trial_id = g.trial_id),
    (SELECT string_agg(ROW(e.s_id, k.n, e.at < k.at)::text, '' ORDER BY e.s_id, k.n)
     FROM (SELECT v.s_id, max(v.evaluated_at) AS at FROM signal_evaluations v WHERE v.trial_id = g.trial_id
           GROUP BY v.s_id) e, {times})), 'UTF8')) END
FROM (
    SELECT trial_id, count(*) AS gate_count, array_agg(evaluated_at ORDER BY "G_id") AS evaluated_at,
           string_agg(
               concat_ws(' ', ROW("G_id", fired_bool, "supporting_S_ids", lr_used, rationale_text), metadata), ' '
               ORDER BY "G_id") AS rows,
           min(coalesce(metadata ->> 'run_id', '')) AS first_run, max(coalesce(metadata ->> 'run_id', '')) AS last_run,
           bool_and(coalesce(metadata ->> 'run_id', '') = ANY (%(gate_runs)s)) AS is_owned
    FROM gates WHERE trial_id BETWEEN %(first)s AND %(last)s AND {condition} GROUP BY trial_id ORDER BY trial_id
) g
-- The range again: a merge join would start at the first trial.
LEFT JOIN scores s ON s.trial_id = g.trial_id AND s.trial_id BETWEEN %(first)s AND %(last)s
    AND s.run_id = CASE WHEN g.is_owned THEN %(owner)s::text WHEN g.first_run = g.last_run THEN g.first_run END
ORDER BY g.trial_id
"""


def build_gates_query(condition: str) -> str:
    """Return the query of the gates that meet a condition."""
    return GATES.format(condition=condition, times=TIMES)
