-- One row per company security, even if the security is not in securities. Adaptive: issuer_name, exchange and active are
-- columns of securities in some live databases, and NULL otherwise.
DO $$
DECLARE
    v_column text;
    v_extra text := '';
BEGIN
    FOREACH v_column IN ARRAY ARRAY['issuer_name', 'exchange', 'active'] LOOP
        v_extra := v_extra || CASE WHEN pg_temp.lacks_column('securities', v_column)
            THEN format('NULL::text AS %I, ', v_column)
            ELSE format('s.%1$I::text AS %1$I, ', v_column) END;
    END LOOP;
    PERFORM pg_temp.replace_view('v_company_tickers', format(
        'SELECT c.company_id, c.name AS company_name, s.ticker::text AS ticker, %s cs.security_id::text AS security_id
         FROM company_securities cs
         JOIN companies c ON c.company_id = cs.company_id
         LEFT JOIN securities s ON s.security_id::text = cs.security_id::text', v_extra));
END $$;
