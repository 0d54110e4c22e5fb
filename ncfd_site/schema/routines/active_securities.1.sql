-- Replace v_active_us_securities unless the server reads its query as the same. Its rows are derived.
SELECT pg_temp.replace_materialized_view('v_active_us_securities', $view$
    SELECT s.security_id, s.company_id, s.exchange_id, s.ticker, s.ticker_norm, s.type, s.status, s.is_primary_listing,
           s.effective_range, s.currency, s.figi, s.cik, s.created_at, s.updated_at, s.metadata, e.code AS exchange_code,
           e.mic
    FROM securities s JOIN exchanges e ON e.exchange_id = s.exchange_id
    WHERE s.status = 'active' AND e.is_allowed
$view$);
