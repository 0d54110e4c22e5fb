-- Prefixes, in databases of any collation.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_companies_name_prefix ON companies (name_norm text_pattern_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_company_aliases_prefix ON company_aliases (alias_norm text_pattern_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_securities_ticker_prefix ON securities (ticker_norm text_pattern_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_asset_aliases_prefix ON asset_aliases (alias_norm text_pattern_ops);
-- Former NCT IDs, which few records have.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_trial_versions_former_ids ON trial_versions
    USING gin ((raw_jsonb #> '{protocolSection,identificationModule,nctIdAliases}') jsonb_path_ops)
    WHERE raw_jsonb #> '{protocolSection,identificationModule,nctIdAliases}' IS NOT NULL;
