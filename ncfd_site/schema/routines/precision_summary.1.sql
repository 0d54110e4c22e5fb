SELECT pg_temp.replace_view('heuristic_precision_summary', $view$
    SELECT heuristic_applied,
           count(*) AS total_links,
           count(*) FILTER (WHERE label) AS correct_links,
           count(*) FILTER (WHERE NOT label) AS incorrect_links,
           count(*) FILTER (WHERE label IS NULL) AS unreviewed_links,
           round(count(*) FILTER (WHERE label)::numeric / nullif(count(label), 0), 4) AS precision_rate
    FROM link_audit
    WHERE heuristic_applied IS NOT NULL
    GROUP BY heuristic_applied
$view$);
