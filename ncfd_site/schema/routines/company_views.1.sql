-- Walk from each company to its ultimate parent. Of several current parents, follow the one with the lowest ID, so that
-- each company has one row; in a cycle, the member with the lowest ID is the parent of all.
SELECT pg_temp.replace_view('v_company_canonical', $view$
    WITH RECURSIVE parent_of AS (
        SELECT child_company_id AS company_id, min(parent_company_id) AS parent_id
        FROM company_relationships
        WHERE end_date IS NULL AND parent_company_id <> child_company_id
        GROUP BY child_company_id
    ), walk AS (
        SELECT c.company_id::bigint AS company_id, ARRAY[c.company_id::bigint] AS path, false AS closed
        FROM companies c
        UNION ALL
        SELECT w.company_id, w.path || p.parent_id, p.parent_id = ANY (w.path)
        FROM walk w JOIN parent_of p ON p.company_id = w.path[cardinality(w.path)]
        WHERE NOT w.closed
    ), longest AS (
        SELECT DISTINCT ON (company_id) company_id, path, closed
        FROM walk ORDER BY company_id, cardinality(path) DESC
    )
    SELECT company_id,
           CASE WHEN closed
                THEN (SELECT min(member) FROM unnest(path[array_position(path, path[cardinality(path)]):]) AS member)
                ELSE path[cardinality(path)]
           END AS canonical_id
    FROM longest
$view$);

SELECT pg_temp.replace_view('v_domain_aliases', $view$
    SELECT company_id, lower(alias) AS domain_root, 'alias'::text AS src
    FROM company_aliases WHERE alias_type = 'domain'
    UNION
    SELECT company_id, lower(website_domain), 'company'::text
    FROM companies WHERE website_domain IS NOT NULL
$view$);
