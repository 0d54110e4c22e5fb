"""SQL of a scoring run: reads the inputs, writes scores and gates."""

from ncfd_site.ingest.batches import Stage
from signals.models import IS_IN_COMPLETE_RUN
from signals.models.trials import VERSION_ORDER

# `source` in the metadata of signals from the registry rules.
REGISTRY_SOURCE = "registry record"

TRIALS_NOW = "SELECT trial_id, phase, est_primary_completion_date AS readout FROM trials"

# A field that a version does not state keeps its earlier value, as in the loader.
TRIALS_BEFORE = r"""
SELECT trial_id,
       (array_agg(phase ORDER BY place DESC) FILTER (WHERE phase IS NOT NULL))[1] AS phase,
       (array_agg(readout ORDER BY place DESC) FILTER (WHERE readout IS NOT NULL))[1] AS readout
FROM (
    SELECT v.trial_id, row_number() OVER (PARTITION BY v.trial_id ORDER BY {order}) AS place, stated.phase,
           CASE WHEN parsed.parts IS NOT NULL AND coalesce(parsed.parts[3]::int, 1) <= extract(
                    day FROM make_date(parsed.parts[1]::int, coalesce(parsed.parts[2], '1')::int, 1)
                             + interval '1 month' - interval '1 day')
                THEN make_date(parsed.parts[1]::int, coalesce(parsed.parts[2], '1')::int,
                               coalesce(parsed.parts[3], '1')::int)
           END AS readout
    FROM trial_versions v
    CROSS JOIN LATERAL (
        -- "Phase 2/Phase 3" of the registry's earlier interface is PHASE2/PHASE3.
        SELECT nullif(replace(replace(upper(array_to_string(ARRAY(SELECT jsonb_array_elements_text(
                   CASE WHEN jsonb_typeof(v.raw_jsonb #> '{protocolSection,designModule,phases}') = 'array'
                        THEN v.raw_jsonb #> '{protocolSection,designModule,phases}' END)), '/')),
                   'PHASE ', 'PHASE'), 'EARLY ', 'EARLY_'), '') AS phase,
               v.raw_jsonb #>> '{protocolSection,statusModule,primaryCompletionDateStruct,date}' AS day
    ) stated
    CROSS JOIN LATERAL (
        SELECT regexp_match(btrim(stated.day),
               '^((?:19|2[01])\d\d)(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T.*)?)?)?$') AS parts
    ) parsed
    WHERE v.captured_at < %(moment)s
) versions
GROUP BY trial_id
""".replace("{order}", VERSION_ORDER)

# A change may be public before its version is captured; it is known from the capture on.
CAPTURED_BEFORE = f"""
      AND NOT (s.metadata @> '{{"source": "{REGISTRY_SOURCE}"}}' AND EXISTS (
              SELECT FROM trial_versions v WHERE v.trial_id = s.trial_id AND v.captured_at >= %(moment)s
              AND s.metadata -> 'trial_version_ids' @> to_jsonb(v.trial_version_id)))
"""

# A readout year outside the calendar is a typo: it freezes nothing.
LOAD_INPUTS = """
CREATE TEMPORARY TABLE scoring_input ON COMMIT DROP AS
WITH known AS ({trials}),
trial AS (
    SELECT trial_id, phase, CASE WHEN readout BETWEEN '0100-01-01' AND '9999-12-31'
                                 THEN (readout - %(freeze_days)s::int)::timestamp AT TIME ZONE 'UTC' END AS freeze
    FROM known
),
fired AS (
    SELECT s.trial_id,
           string_agg(s."S_id" || s.severity, ' ' ORDER BY s."S_id") FILTER (WHERE is_before.freeze) AS fired,
           string_agg(s."S_id", ' ' ORDER BY s."S_id") FILTER (WHERE NOT is_before.freeze) AS late,
           {stops_of_signals} AS stops
    FROM signals s JOIN trial t ON t.trial_id = s.trial_id
    CROSS JOIN LATERAL (SELECT s.fired_at <= coalesce(t.freeze, 'infinity') AS freeze) is_before
    WHERE s.fired_at < %(moment)s{read_before}
    GROUP BY s.trial_id
),
evaluated AS (
    SELECT trial_id, string_agg(s_id, ' ' ORDER BY s_id) AS not_fired
    FROM (SELECT DISTINCT ON (trial_id, s_id) trial_id, s_id, outcome FROM signal_evaluations
          WHERE evaluated_at < %(moment)s ORDER BY trial_id, s_id, evaluated_at DESC) latest
    WHERE outcome = 'not fired'
    GROUP BY trial_id
),
card AS (
    SELECT s.trial_id, {stops_of_cards} AS stops
    FROM studies s JOIN trial t ON t.trial_id = s.trial_id
    WHERE s.updated_at < %(moment)s AND s.updated_at <= coalesce(t.freeze, 'infinity')
    GROUP BY s.trial_id
)
SELECT t.trial_id::integer AS trial_id,
       CASE WHEN t.freeze <= %(moment)s THEN t.freeze END AS frozen_at,
       concat_ws('|', coalesce(f.fired, ''), coalesce(f.late, ''), coalesce(e.not_fired, ''),
                 array_to_string(ARRAY(SELECT rule FROM unnest(f.stops || c.stops) AS held (rule)
                                       WHERE rule IS NOT NULL GROUP BY rule ORDER BY rule), ' '),
                 coalesce(t.phase, '')) AS key
FROM trial t
LEFT JOIN fired f ON f.trial_id = t.trial_id
LEFT JOIN evaluated e ON e.trial_id = t.trial_id
LEFT JOIN card c ON c.trial_id = t.trial_id
-- Rows are written in this order, so that neighbors of an index are written together.
ORDER BY t.trial_id
"""

INPUT_GROUPS = "SELECT key, count(*) AS trial_count FROM scoring_input GROUP BY key ORDER BY key"
COUNT_EXCLUDED = """
SELECT count(*) FROM trials t WHERE NOT EXISTS (SELECT FROM scoring_input i WHERE i.trial_id = t.trial_id)
"""

RESULTS = Stage(
    "scoring_results",
    {
        "key": "text",
        "prior_pi": "numeric(6,5)",
        "logit_prior": "numeric(10,6)",
        "sum_log_lr": "numeric(10,6)",
        "logit_post": "numeric(10,6)",
        "p_fail": "numeric(6,5)",
        "metadata": "jsonb",
        "gates": "integer[]",
    },
)
GATE_VARIANTS = Stage(
    "scoring_gate_variants",
    {
        "number": "integer",
        "code": "text",
        "fired": "boolean",
        "supporting": "varchar[]",
        "ratio": "numeric(10,6)",
        "rationale": "text",
        "metadata": "jsonb",
    },
)

HAS_RUN = "SELECT EXISTS (SELECT FROM scores WHERE run_id = %s)"
# `scored_at` is not compared: a repeated run has equal results at another time.
_DIFFERS = """
(s.prior_pi, s.logit_prior, s.sum_log_lr, s.logit_post, s.p_fail, s.features_frozen_at, s.metadata) IS DISTINCT FROM
({0}.prior_pi, {0}.logit_prior, {0}.sum_log_lr, {0}.logit_post, {0}.p_fail, {1}, {0}.metadata)
"""
IS_OVERTAKEN = f"""
SELECT EXISTS (SELECT FROM scores WHERE run_id <> %(run)s AND {IS_IN_COMPLETE_RUN}
               AND scored_at > (SELECT max(scored_at) FROM scores WHERE run_id = %(run)s))
"""  # noqa: S608 (constants of this module)
# The first one owns the current gates. A gate names the run that wrote it; later runs had an equal one.
GATE_RUNS = "SELECT run_id, moment FROM score_runs WHERE has_gates AND state = 'complete' ORDER BY moment DESC, run_id"
# A run of another program has scores and no row. A failed or killed run starts again.
START_RUN = """
INSERT INTO score_runs AS r (run_id, table_version)
SELECT %(run)s, %(version)s
WHERE NOT EXISTS (SELECT FROM scores WHERE run_id = %(run)s)
   OR EXISTS (SELECT FROM score_runs WHERE run_id = %(run)s)
ON CONFLICT (run_id) DO UPDATE
SET state = 'running', table_version = excluded.table_version, started_at = now(), finished_at = NULL
WHERE r.state <> 'complete'
"""
FAIL_RUN = (
    "UPDATE score_runs SET state = 'failed', finished_at = clock_timestamp() WHERE run_id = %s AND state = 'running'"
)
IS_OPEN = "SELECT EXISTS (SELECT FROM score_runs WHERE run_id = %s AND state <> 'complete')"
COMPLETE_RUN = """
INSERT INTO score_runs AS r (run_id, state, moment, table_version, has_gates, trial_count, finished_at)
VALUES (%(run)s, 'complete', %(moment)s, %(version)s, %(has_gates)s, %(trials)s, clock_timestamp())
ON CONFLICT (run_id) DO UPDATE
SET state = 'complete', moment = excluded.moment, table_version = excluded.table_version,
    has_gates = r.has_gates OR excluded.has_gates, trial_count = excluded.trial_count,
    finished_at = excluded.finished_at, pruned_at = NULL
"""
COUNT_DIFFERENT = f"""
WITH computed AS (
    SELECT i.trial_id, i.frozen_at, r.* FROM scoring_input i JOIN scoring_results r ON r.key = i.key
), stored AS (SELECT * FROM scores WHERE run_id = %(run)s)
SELECT count(*) FROM computed n FULL JOIN stored s ON s.trial_id = n.trial_id
WHERE n.trial_id IS NULL OR s.trial_id IS NULL OR {_DIFFERS.format("n", "n.frozen_at")}
"""  # noqa: S608 (constants of this module)

ADD_SCORES = """
INSERT INTO scores AS s (trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail,
                         features_frozen_at, scored_at, metadata)
SELECT i.trial_id, %(run)s, r.prior_pi, r.logit_prior, r.sum_log_lr, r.logit_post, r.p_fail,
       i.frozen_at, %(moment)s, r.metadata
FROM scoring_input i JOIN scoring_results r ON r.key = i.key
"""
# Equal rows are not proposed: ON CONFLICT would lock each of them, which is a write.
MERGE_SCORES = f"""{ADD_SCORES}
WHERE %(overwrite)s OR NOT EXISTS (
    SELECT FROM scores s WHERE s.trial_id = i.trial_id AND s.run_id = %(run)s
    AND NOT {_DIFFERS.format("r", "i.frozen_at")})
ON CONFLICT (trial_id, run_id) DO UPDATE SET
    prior_pi = excluded.prior_pi, logit_prior = excluded.logit_prior, sum_log_lr = excluded.sum_log_lr,
    logit_post = excluded.logit_post, p_fail = excluded.p_fail, features_frozen_at = excluded.features_frozen_at,
    scored_at = excluded.scored_at, metadata = excluded.metadata
"""
REMOVE_SCORES = """
DELETE FROM scores s WHERE s.run_id = %(run)s AND NOT EXISTS (
    SELECT FROM scoring_input i JOIN scoring_results r ON r.key = i.key WHERE i.trial_id = s.trial_id)
"""

# Gates that differ from the stored ones by the run only are not written.
MERGE_GATES = """
INSERT INTO gates AS g (trial_id, "G_id", fired_bool, "supporting_S_ids", lr_used, rationale_text, evaluated_at,
                        metadata)
SELECT changed.trial_id, k.code, k.fired, k.supporting, k.ratio, k.rationale, %(moment)s, k.metadata
FROM (
    SELECT i.trial_id, k.number FROM scoring_input i
    JOIN scoring_results r ON r.key = i.key
    CROSS JOIN LATERAL unnest(r.gates) AS n (number)
    JOIN scoring_gate_variants k ON k.number = n.number
    LEFT JOIN gates o ON o.trial_id = i.trial_id AND o."G_id" = k.code
    WHERE o.gate_id IS NULL OR coalesce(o.metadata ->> 'run_id', '') <> ALL (%(gate_runs)s)
       OR (o.fired_bool, o."supporting_S_ids", o.lr_used, o.rationale_text, o.metadata || %(run)s::jsonb)
          IS DISTINCT FROM (k.fired, k.supporting, k.ratio, k.rationale, k.metadata)
    ORDER BY i.trial_id, k.code
) changed
JOIN scoring_gate_variants k ON k.number = changed.number
ON CONFLICT (trial_id, "G_id") DO UPDATE SET
    fired_bool = excluded.fired_bool, "supporting_S_ids" = excluded."supporting_S_ids", lr_used = excluded.lr_used,
    rationale_text = excluded.rationale_text, evaluated_at = excluded.evaluated_at, metadata = excluded.metadata
"""
# Gates belong to the current run only. Gates of other programs are kept.
REMOVE_GATES = """
DELETE FROM gates g WHERE g.metadata ?& ARRAY['run_id', 'table_version'] AND NOT EXISTS (
    SELECT FROM scoring_input i JOIN scoring_results r ON r.key = i.key WHERE i.trial_id = g.trial_id)
"""
