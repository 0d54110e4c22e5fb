DROP INDEX IF EXISTS ix_trial_versions_former_ids;
DROP INDEX IF EXISTS ix_asset_aliases_prefix;
DROP INDEX IF EXISTS ix_securities_ticker_prefix;
DROP INDEX IF EXISTS ix_company_aliases_prefix;
DROP INDEX IF EXISTS ix_companies_name_prefix;
