-- BETWEEN makes both bounds one range of the index ix_link_audit_precision, also in a generic plan.
CREATE OR REPLACE FUNCTION get_heuristic_precision(
    p_heuristic text, p_start_date timestamptz DEFAULT NULL, p_end_date timestamptz DEFAULT NULL
) RETURNS TABLE (
    heuristic text, total_links bigint, reviewed_links bigint, correct_links bigint, incorrect_links bigint,
    unreviewed_links bigint, precision_rate numeric
) LANGUAGE sql STABLE AS $$
    SELECT p_heuristic, count(*), count(a.label), count(*) FILTER (WHERE a.label),
           count(a.label) - count(*) FILTER (WHERE a.label), count(*) - count(a.label),
           round(count(*) FILTER (WHERE a.label)::numeric / nullif(count(a.label), 0), 4)
    FROM link_audit a
    WHERE a.heuristic_applied = p_heuristic
      AND a.created_at BETWEEN coalesce(p_start_date, '-infinity') AND coalesce(p_end_date, 'infinity')
    HAVING count(*) > 0
$$;
