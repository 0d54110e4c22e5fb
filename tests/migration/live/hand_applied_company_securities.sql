-- Companies linked to securities by number, and a view with a grant that reads it.
DROP VIEW v_company_tickers;
ALTER TABLE company_securities ALTER COLUMN security_id TYPE integer USING security_id::integer;
DROP INDEX company_securities_security_id_idx;
ALTER TABLE company_securities ADD FOREIGN KEY (security_id) REFERENCES securities(security_id) ON DELETE CASCADE;
CREATE VIEW v_company_tickers AS
    SELECT cs.company_id, c.name AS company_name, s.ticker, cs.security_id
    FROM company_securities cs JOIN companies c ON c.company_id = cs.company_id JOIN securities s ON s.security_id = cs.security_id;
GRANT SELECT ON v_company_tickers TO PUBLIC;
INSERT INTO companies (cik, name, name_norm) VALUES (1, 'Acme Bio', 'acme bio');
INSERT INTO securities (company_id, exchange_id, ticker, ticker_norm, effective_range) VALUES (1, 1, 'ACME', 'ACME', '[2020-01-01,)');
INSERT INTO company_securities (company_id, security_id, linked_at) VALUES (1, 1, '2021-02-03T04:05:06Z');
