CREATE OR REPLACE FUNCTION get_heuristic_precision(
    p_heuristic text, p_start_date timestamptz DEFAULT NULL, p_end_date timestamptz DEFAULT NULL
) RETURNS TABLE (
    heuristic text, total_links bigint, reviewed_links bigint, correct_links bigint, incorrect_links bigint,
    unreviewed_links bigint, precision_rate numeric
) LANGUAGE sql STABLE AS $$
    SELECT a.heuristic_applied, count(*), count(a.label), count(*) FILTER (WHERE a.label),
           count(*) FILTER (WHERE NOT a.label), count(*) FILTER (WHERE a.label IS NULL),
           round(count(*) FILTER (WHERE a.label)::numeric / nullif(count(a.label), 0), 4)
    FROM link_audit a
    WHERE a.heuristic_applied = p_heuristic
      AND (p_start_date IS NULL OR a.created_at >= p_start_date)
      AND (p_end_date IS NULL OR a.created_at <= p_end_date)
    GROUP BY a.heuristic_applied
$$;

-- Compares the unrounded rate.
CREATE OR REPLACE FUNCTION can_auto_promote_heuristic(
    p_heuristic text, p_min_precision numeric DEFAULT 0.95, p_min_links integer DEFAULT 50
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT p.reviewed_links > 0 AND p.reviewed_links >= p_min_links
                AND p.correct_links >= p_min_precision * p.reviewed_links
         FROM get_heuristic_precision(p_heuristic) p),
        false)
$$;
