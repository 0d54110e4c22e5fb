-- Enum types

DO $$
BEGIN
    IF to_regtype('alias_type') IS NULL THEN
        CREATE TYPE alias_type AS ENUM (
            'aka', 'dba', 'former_name', 'short', 'subsidiary', 'brand', 'domain', 'other', 'legal'
        );
    END IF;
    IF to_regtype('asset_alias_type') IS NULL THEN
        CREATE TYPE asset_alias_type AS ENUM (
            'inn', 'generic', 'brand', 'code', 'chembl', 'drugbank', 'unii', 'cas', 'inchikey', 'other'
        );
    END IF;
    IF to_regtype('doc_source_type') IS NULL THEN
        CREATE TYPE doc_source_type AS ENUM (
            'PR', 'IR', 'Abstract', 'Paper', 'Registry', 'FDA', 'SEC_8K', 'Other'
        );
    END IF;
    IF to_regtype('doc_status') IS NULL THEN
        CREATE TYPE doc_status AS ENUM (
            'discovered', 'fetched', 'parsed', 'indexed', 'linked', 'ready_for_card', 'card_built', 'error'
        );
    END IF;
    IF to_regtype('oa_status') IS NULL THEN
        CREATE TYPE oa_status AS ENUM (
            'open', 'green', 'bronze', 'closed', 'unknown'
        );
    END IF;
    IF to_regtype('security_status') IS NULL THEN
        CREATE TYPE security_status AS ENUM (
            'active', 'delisted', 'suspended', 'pending', 'acquired'
        );
    END IF;
    IF to_regtype('security_type') IS NULL THEN
        CREATE TYPE security_type AS ENUM (
            'common', 'adr', 'preferred', 'warrant', 'unit', 'right', 'etf', 'other'
        );
    END IF;
END $$;

-- Companies and securities

CREATE TABLE IF NOT EXISTS companies (
    company_id serial,
    cik bigint NOT NULL,
    name varchar NOT NULL,
    name_norm text NOT NULL,
    state_incorp text,
    country_incorp text,
    sic text,
    website_domain text,
    lei text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT companies_pkey PRIMARY KEY (company_id),
    CONSTRAINT uq_companies_cik UNIQUE (cik),
    CONSTRAINT ck_companies_cik_range CHECK ((cik >= 1) AND (cik <= 9999999999))
);
CREATE INDEX IF NOT EXISTS idx_companies_name_norm ON companies (name_norm);

CREATE TABLE IF NOT EXISTS company_aliases (
    alias_id serial,
    company_id integer NOT NULL,
    alias text NOT NULL,
    alias_norm text NOT NULL,
    alias_type alias_type NOT NULL,
    alias_company_id integer,
    source text,
    source_url text,
    confidence numeric(3,2),
    start_date date,
    end_date date,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT company_aliases_pkey PRIMARY KEY (alias_id),
    CONSTRAINT uq_alias_by_company_norm_type UNIQUE (company_id, alias_norm, alias_type),
    CONSTRAINT ck_alias_confidence CHECK ((confidence IS NULL) OR ((confidence >= 0) AND (confidence <= 1))),
    CONSTRAINT company_aliases_alias_company_id_fkey
        FOREIGN KEY (alias_company_id) REFERENCES companies(company_id),
    CONSTRAINT company_aliases_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_alias_norm ON company_aliases (alias_norm);
CREATE INDEX IF NOT EXISTS ix_company_aliases_domain_lower ON company_aliases (lower(alias)) WHERE (alias_type = 'domain');

CREATE TABLE IF NOT EXISTS company_relationships (
    parent_company_id bigint NOT NULL,
    child_company_id bigint NOT NULL,
    rel_type text NOT NULL DEFAULT 'subsidiary',
    start_date date,
    end_date date,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT company_relationships_pkey PRIMARY KEY (parent_company_id, child_company_id, rel_type),
    CONSTRAINT company_relationships_child_company_id_fkey
        FOREIGN KEY (child_company_id) REFERENCES companies(company_id) ON DELETE CASCADE,
    CONSTRAINT company_relationships_parent_company_id_fkey
        FOREIGN KEY (parent_company_id) REFERENCES companies(company_id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS exchanges (
    exchange_id serial,
    code text NOT NULL,
    mic text,
    name text NOT NULL,
    country text NOT NULL DEFAULT 'US',
    is_allowed boolean NOT NULL DEFAULT true,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT exchanges_pkey PRIMARY KEY (exchange_id),
    CONSTRAINT exchanges_code_key UNIQUE (code),
    CONSTRAINT exchanges_mic_key UNIQUE (mic)
);

CREATE TABLE IF NOT EXISTS securities (
    security_id serial,
    company_id integer NOT NULL,
    exchange_id integer NOT NULL,
    ticker text NOT NULL,
    ticker_norm text NOT NULL,
    type security_type NOT NULL DEFAULT 'common',
    status security_status NOT NULL DEFAULT 'active',
    is_primary_listing boolean NOT NULL DEFAULT true,
    effective_range daterange NOT NULL,
    currency text NOT NULL DEFAULT 'USD',
    figi text,
    cik bigint,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT securities_pkey PRIMARY KEY (security_id),
    CONSTRAINT ck_ticker_norm_upper CHECK (ticker_norm = upper(ticker)),
    CONSTRAINT securities_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE,
    CONSTRAINT securities_exchange_id_fkey
        FOREIGN KEY (exchange_id) REFERENCES exchanges(exchange_id)
);
CREATE INDEX IF NOT EXISTS idx_securities_company ON securities (company_id);
CREATE INDEX IF NOT EXISTS idx_securities_exchange ON securities (exchange_id);
CREATE INDEX IF NOT EXISTS idx_securities_ticker ON securities (ticker_norm);
CREATE UNIQUE INDEX IF NOT EXISTS uq_active_ticker_global ON securities (ticker_norm) WHERE (status = 'active');

CREATE TABLE IF NOT EXISTS company_securities (
    company_id bigint NOT NULL,
    security_id text NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT company_securities_pkey PRIMARY KEY (company_id, security_id),
    CONSTRAINT company_securities_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS company_securities_security_id_idx ON company_securities (security_id);

-- Trials and studies

CREATE TABLE IF NOT EXISTS trials (
    trial_id serial,
    nct_id varchar NOT NULL,
    sponsor_text varchar,
    sponsor_company_id integer,
    phase varchar,
    indication varchar,
    is_pivotal boolean NOT NULL,
    status varchar,
    primary_endpoint_text varchar,
    intervention_types varchar[],
    est_primary_completion_date date,
    first_posted_date date,
    last_update_posted_date date,
    current_sha256 varchar(64),
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT trials_pkey PRIMARY KEY (trial_id),
    CONSTRAINT trials_nct_id_key UNIQUE (nct_id),
    CONSTRAINT trials_sponsor_company_id_fkey
        FOREIGN KEY (sponsor_company_id) REFERENCES companies(company_id)
);
CREATE INDEX IF NOT EXISTS idx_trials_is_pivotal ON trials (is_pivotal);
CREATE INDEX IF NOT EXISTS idx_trials_last_update ON trials (last_update_posted_date);
CREATE INDEX IF NOT EXISTS idx_trials_status ON trials (status);

CREATE TABLE IF NOT EXISTS trial_versions (
    trial_version_id serial,
    trial_id integer NOT NULL,
    captured_at timestamptz NOT NULL,
    last_update_posted_date date,
    sha256 varchar(64) NOT NULL,
    raw_jsonb jsonb NOT NULL,
    primary_endpoint_text varchar,
    sample_size integer,
    analysis_plan_text varchar,
    changes_jsonb jsonb,
    changed_primary_endpoint boolean,
    changed_sample_size boolean,
    sample_size_delta integer,
    changed_analysis_plan boolean,
    CONSTRAINT trial_versions_pkey PRIMARY KEY (trial_version_id),
    CONSTRAINT uq_trial_version_hash UNIQUE (trial_id, sha256),
    CONSTRAINT trial_versions_trial_id_fkey
        FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_trial_versions_changed ON trial_versions (changed_primary_endpoint, changed_sample_size, changed_analysis_plan);
CREATE INDEX IF NOT EXISTS idx_trial_versions_trial_time ON trial_versions (trial_id, captured_at);
CREATE INDEX IF NOT EXISTS idx_trial_versions_updated ON trial_versions (last_update_posted_date);
CREATE INDEX IF NOT EXISTS ix_trial_versions_captured_at ON trial_versions (captured_at);
CREATE INDEX IF NOT EXISTS ix_trial_versions_trial_id ON trial_versions (trial_id);

CREATE TABLE IF NOT EXISTS ctgov_history_versions (
    trial_id integer NOT NULL,
    version_rank integer NOT NULL,
    submitted_date date,
    url varchar,
    CONSTRAINT ctgov_history_versions_pkey PRIMARY KEY (trial_id, version_rank),
    CONSTRAINT ctgov_history_versions_trial_id_fkey
        FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS ctgov_ingest_state (
    id boolean NOT NULL,
    cursor_last_update_posted date,
    last_run_at timestamptz,
    CONSTRAINT ctgov_ingest_state_pkey PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS ingest_runs (
    run_id serial,
    source varchar NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    since_date date,
    until_date date,
    total_returned integer,
    total_processed integer,
    notes varchar,
    CONSTRAINT ingest_runs_pkey PRIMARY KEY (run_id)
);

CREATE TABLE IF NOT EXISTS studies (
    study_id bigserial,
    trial_id bigint NOT NULL,
    doc_type text NOT NULL,
    citation text,
    year integer NOT NULL,
    url text,
    oa_status text NOT NULL DEFAULT 'unknown',
    extracted_jsonb jsonb,
    coverage_level text,
    notes_md text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT studies_pkey PRIMARY KEY (study_id),
    CONSTRAINT studies_trial_id_fkey
        FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_studies_extracted_jsonb ON studies USING gin (extracted_jsonb);
CREATE INDEX IF NOT EXISTS ix_studies_coverage ON studies (coverage_level);
CREATE INDEX IF NOT EXISTS ix_studies_doc_type ON studies (doc_type);
CREATE INDEX IF NOT EXISTS ix_studies_trial ON studies (trial_id);
CREATE INDEX IF NOT EXISTS ix_studies_year ON studies (year);

-- Documents

CREATE TABLE IF NOT EXISTS documents (
    doc_id bigserial,
    source_type doc_source_type NOT NULL,
    source_url text,
    publisher text,
    published_at timestamptz,
    storage_uri text NOT NULL,
    sha256 text NOT NULL,
    content_type text,
    oa_status oa_status DEFAULT 'unknown',
    status doc_status NOT NULL DEFAULT 'discovered',
    discovered_at timestamptz NOT NULL DEFAULT now(),
    fetched_at timestamptz,
    parsed_at timestamptz,
    error_msg text,
    crawl_run_id text,
    CONSTRAINT documents_pkey PRIMARY KEY (doc_id),
    CONSTRAINT documents_source_url_key UNIQUE (source_url)
);
CREATE INDEX IF NOT EXISTS ix_documents_published_at ON documents (published_at);
CREATE INDEX IF NOT EXISTS ix_documents_sha256 ON documents (sha256);
CREATE INDEX IF NOT EXISTS ix_documents_status ON documents (status);
CREATE INDEX IF NOT EXISTS ix_documents_type_date ON documents (source_type, published_at);

CREATE TABLE IF NOT EXISTS document_text_pages (
    doc_id bigint NOT NULL,
    page_no integer NOT NULL,
    char_count integer NOT NULL,
    text text NOT NULL,
    CONSTRAINT document_text_pages_pkey PRIMARY KEY (doc_id, page_no),
    CONSTRAINT document_text_pages_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS document_tables (
    doc_id bigint NOT NULL,
    page_no integer NOT NULL,
    table_idx integer NOT NULL,
    table_jsonb jsonb NOT NULL,
    detector text,
    CONSTRAINT document_tables_pkey PRIMARY KEY (doc_id, page_no, table_idx),
    CONSTRAINT document_tables_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS document_entities (
    doc_id bigint NOT NULL,
    ent_type text NOT NULL,
    value_text text NOT NULL,
    value_norm text,
    page_no integer,
    char_start integer,
    char_end integer,
    detector text,
    confidence numeric(3,2),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_document_entities_confidence CHECK ((confidence IS NULL) OR ((confidence >= 0) AND (confidence <= 1))),
    CONSTRAINT document_entities_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_docents_doc ON document_entities (doc_id);
CREATE INDEX IF NOT EXISTS ix_docents_type ON document_entities (ent_type);
CREATE INDEX IF NOT EXISTS ix_document_entities_confidence ON document_entities (confidence);

CREATE TABLE IF NOT EXISTS document_citations (
    doc_id bigint NOT NULL,
    doi text,
    pmid text,
    pmcid text,
    crossref_jsonb jsonb,
    unpaywall_jsonb jsonb,
    CONSTRAINT document_citations_pkey PRIMARY KEY (doc_id),
    CONSTRAINT document_citations_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS document_notes (
    doc_id bigint NOT NULL,
    notes_md text,
    author text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT document_notes_pkey PRIMARY KEY (doc_id),
    CONSTRAINT document_notes_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE
);

-- Assets and links

CREATE TABLE IF NOT EXISTS assets (
    asset_id bigserial,
    names_jsonb jsonb NOT NULL DEFAULT '{}',
    modality text,
    target text,
    moa text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT assets_pkey PRIMARY KEY (asset_id)
);

CREATE TABLE IF NOT EXISTS asset_aliases (
    asset_alias_id bigserial,
    asset_id bigint NOT NULL,
    alias text NOT NULL,
    alias_norm text NOT NULL,
    alias_type asset_alias_type NOT NULL,
    source text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT asset_aliases_pkey PRIMARY KEY (asset_alias_id),
    CONSTRAINT uq_asset_alias_norm_type UNIQUE (asset_id, alias_norm, alias_type),
    CONSTRAINT asset_aliases_asset_id_fkey
        FOREIGN KEY (asset_id) REFERENCES assets(asset_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_asset_alias_norm ON asset_aliases (alias_norm);

CREATE TABLE IF NOT EXISTS merge_candidates (
    merge_id bigserial,
    asset_id_1 bigint NOT NULL,
    asset_id_2 bigint NOT NULL,
    merge_reason text NOT NULL,
    evidence_jsonb jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'pending',
    reviewed_by text,
    reviewed_at timestamptz,
    review_notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merge_candidates_pkey PRIMARY KEY (merge_id),
    CONSTRAINT ck_merge_candidates_different CHECK (asset_id_1 <> asset_id_2),
    CONSTRAINT merge_candidates_asset_id_1_fkey
        FOREIGN KEY (asset_id_1) REFERENCES assets(asset_id) ON DELETE CASCADE,
    CONSTRAINT merge_candidates_asset_id_2_fkey
        FOREIGN KEY (asset_id_2) REFERENCES assets(asset_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_merge_candidates_asset1 ON merge_candidates (asset_id_1);
CREATE INDEX IF NOT EXISTS ix_merge_candidates_asset2 ON merge_candidates (asset_id_2);
CREATE INDEX IF NOT EXISTS ix_merge_candidates_status ON merge_candidates (status);

CREATE TABLE IF NOT EXISTS document_links (
    doc_id bigint NOT NULL,
    nct_id text,
    asset_id bigint,
    company_id bigint,
    study_id bigint,
    link_type text NOT NULL,
    confidence numeric(3,2) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_doclinks_confidence CHECK ((confidence >= 0) AND (confidence <= 1)),
    CONSTRAINT document_links_asset_id_fkey
        FOREIGN KEY (asset_id) REFERENCES assets(asset_id) ON DELETE SET NULL,
    CONSTRAINT document_links_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE SET NULL,
    CONSTRAINT document_links_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE,
    CONSTRAINT fk_document_links_study_id
        FOREIGN KEY (study_id) REFERENCES studies(study_id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS ix_doclinks_asset ON document_links (asset_id);
CREATE INDEX IF NOT EXISTS ix_doclinks_doc ON document_links (doc_id);
CREATE INDEX IF NOT EXISTS ix_doclinks_nct ON document_links (nct_id);
CREATE INDEX IF NOT EXISTS ix_doclinks_study ON document_links (study_id);

CREATE TABLE IF NOT EXISTS link_audit (
    audit_id bigserial,
    doc_id bigint NOT NULL,
    asset_id bigint NOT NULL,
    nct_id text,
    link_type text NOT NULL,
    heuristic_applied text,
    confidence numeric(3,2) NOT NULL,
    evidence_jsonb jsonb NOT NULL DEFAULT '{}',
    promotion_status text NOT NULL DEFAULT 'pending',
    reviewed_by text,
    reviewed_at timestamptz,
    review_notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT link_audit_pkey PRIMARY KEY (audit_id),
    CONSTRAINT ck_link_audit_confidence CHECK ((confidence >= 0) AND (confidence <= 1)),
    CONSTRAINT link_audit_asset_id_fkey
        FOREIGN KEY (asset_id) REFERENCES assets(asset_id) ON DELETE CASCADE,
    CONSTRAINT link_audit_doc_id_fkey
        FOREIGN KEY (doc_id) REFERENCES documents(doc_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_link_audit_asset ON link_audit (asset_id);
CREATE INDEX IF NOT EXISTS ix_link_audit_confidence ON link_audit (confidence);
CREATE INDEX IF NOT EXISTS ix_link_audit_doc ON link_audit (doc_id);
CREATE INDEX IF NOT EXISTS ix_link_audit_heuristic ON link_audit (heuristic_applied);
CREATE INDEX IF NOT EXISTS ix_link_audit_nct ON link_audit (nct_id);
CREATE INDEX IF NOT EXISTS ix_link_audit_promotion_status ON link_audit (promotion_status);

CREATE TABLE IF NOT EXISTS trial_assets_xref (
    xref_id bigserial,
    trial_id bigint NOT NULL,
    asset_id bigint NOT NULL,
    how text NOT NULL,
    link_source text NOT NULL,
    confidence numeric(3,2) NOT NULL,
    status text NOT NULL DEFAULT 'active',
    evidence_jsonb jsonb NOT NULL DEFAULT '{}',
    source_doc_id bigint,
    promoted_at timestamptz NOT NULL DEFAULT now(),
    promoted_by text,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT trial_assets_xref_pkey PRIMARY KEY (xref_id),
    CONSTRAINT uq_trial_assets_trial_asset UNIQUE (trial_id, asset_id),
    CONSTRAINT ck_trial_assets_confidence CHECK ((confidence >= 0) AND (confidence <= 1)),
    CONSTRAINT fk_trial_assets_xref_trial_id
        FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE,
    CONSTRAINT trial_assets_xref_asset_id_fkey
        FOREIGN KEY (asset_id) REFERENCES assets(asset_id) ON DELETE CASCADE,
    CONSTRAINT trial_assets_xref_source_doc_id_fkey
        FOREIGN KEY (source_doc_id) REFERENCES documents(doc_id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS ix_trial_assets_xref_asset ON trial_assets_xref (asset_id);
CREATE INDEX IF NOT EXISTS ix_trial_assets_xref_confidence ON trial_assets_xref (confidence);
CREATE INDEX IF NOT EXISTS ix_trial_assets_xref_status ON trial_assets_xref (status);
CREATE INDEX IF NOT EXISTS ix_trial_assets_xref_trial ON trial_assets_xref (trial_id);

CREATE TABLE IF NOT EXISTS study_assets_xref (
    xref_id bigserial,
    study_id text NOT NULL,
    asset_id bigint NOT NULL,
    how text NOT NULL,
    link_source text NOT NULL,
    confidence numeric(3,2) NOT NULL,
    status text NOT NULL DEFAULT 'active',
    evidence_jsonb jsonb NOT NULL DEFAULT '{}',
    source_doc_id bigint,
    promoted_at timestamptz NOT NULL DEFAULT now(),
    promoted_by text,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT study_assets_xref_pkey PRIMARY KEY (xref_id),
    CONSTRAINT uq_study_assets_study_asset UNIQUE (study_id, asset_id),
    CONSTRAINT ck_study_assets_confidence CHECK ((confidence >= 0) AND (confidence <= 1)),
    CONSTRAINT study_assets_xref_asset_id_fkey
        FOREIGN KEY (asset_id) REFERENCES assets(asset_id) ON DELETE CASCADE,
    CONSTRAINT study_assets_xref_source_doc_id_fkey
        FOREIGN KEY (source_doc_id) REFERENCES documents(doc_id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS ix_study_assets_xref_asset ON study_assets_xref (asset_id);
CREATE INDEX IF NOT EXISTS ix_study_assets_xref_confidence ON study_assets_xref (confidence);
CREATE INDEX IF NOT EXISTS ix_study_assets_xref_status ON study_assets_xref (status);
CREATE INDEX IF NOT EXISTS ix_study_assets_xref_study ON study_assets_xref (study_id);

-- Sponsor resolver

CREATE TABLE IF NOT EXISTS resolver_features (
    rf_id bigserial,
    run_id text NOT NULL,
    nct_id text NOT NULL,
    sponsor_text_norm text NOT NULL,
    company_id integer,
    features_jsonb jsonb NOT NULL,
    score_precal numeric(12,6),
    p_calibrated double precision,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resolver_features_pkey PRIMARY KEY (rf_id),
    CONSTRAINT resolver_features_run_nct_cid_key UNIQUE (run_id, nct_id, company_id),
    CONSTRAINT resolver_features_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS resolver_features_cid_idx ON resolver_features (company_id);
CREATE INDEX IF NOT EXISTS resolver_features_nct_idx ON resolver_features (nct_id);
CREATE INDEX IF NOT EXISTS resolver_features_run_idx ON resolver_features (run_id);

CREATE TABLE IF NOT EXISTS resolver_decisions (
    decision_id bigserial,
    run_id text NOT NULL,
    nct_id text NOT NULL,
    sponsor_text text NOT NULL,
    sponsor_text_norm text NOT NULL,
    company_id integer,
    match_type text NOT NULL,
    p_match double precision,
    top2_margin double precision,
    features_jsonb jsonb NOT NULL DEFAULT '{}',
    evidence_jsonb jsonb NOT NULL DEFAULT '{}',
    decided_by text NOT NULL DEFAULT 'auto',
    notes_md text,
    decided_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resolver_decisions_pkey PRIMARY KEY (decision_id),
    CONSTRAINT uq_resolver_decision_key UNIQUE (run_id, nct_id, sponsor_text_norm),
    CONSTRAINT ck_resolver_decisions_decided_by CHECK (decided_by IN ('auto', 'human', 'llm')),
    CONSTRAINT ck_resolver_decisions_p_bounds CHECK ((p_match IS NULL) OR ((p_match >= 0.0) AND (p_match <= 1.0))),
    CONSTRAINT resolver_decisions_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS ix_resolver_decisions_company ON resolver_decisions (company_id);
CREATE INDEX IF NOT EXISTS ix_resolver_decisions_features_gin ON resolver_decisions USING gin (features_jsonb);
CREATE INDEX IF NOT EXISTS ix_resolver_decisions_nct ON resolver_decisions (nct_id);
CREATE INDEX IF NOT EXISTS ix_resolver_decisions_run_type ON resolver_decisions (run_id, match_type);

CREATE TABLE IF NOT EXISTS review_queue (
    rq_id bigserial,
    run_id text NOT NULL,
    nct_id text NOT NULL,
    sponsor_text text,
    sponsor_text_norm text,
    candidates jsonb NOT NULL DEFAULT '[]',
    reason text,
    status text NOT NULL DEFAULT 'pending',
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    CONSTRAINT review_queue_pkey PRIMARY KEY (rq_id),
    CONSTRAINT ck_review_queue_status CHECK (status IN ('pending', 'resolved', 'skipped'))
);
CREATE INDEX IF NOT EXISTS review_queue_candidates_gin ON review_queue USING gin (candidates);
CREATE INDEX IF NOT EXISTS review_queue_created_at_idx ON review_queue (created_at);
CREATE INDEX IF NOT EXISTS review_queue_nct_idx ON review_queue (nct_id);
CREATE INDEX IF NOT EXISTS review_queue_run_id_idx ON review_queue (run_id);
CREATE INDEX IF NOT EXISTS review_queue_status_idx ON review_queue (status);

CREATE TABLE IF NOT EXISTS resolver_labels (
    label_id bigserial,
    nct_id text NOT NULL,
    sponsor_text_norm text NOT NULL,
    company_id integer NOT NULL,
    is_match boolean NOT NULL,
    source text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resolver_labels_pkey PRIMARY KEY (label_id),
    CONSTRAINT resolver_labels_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_labels_key ON resolver_labels (nct_id, sponsor_text_norm);

CREATE TABLE IF NOT EXISTS resolver_det_rules (
    rule_id bigserial,
    pattern text NOT NULL,
    company_id bigint NOT NULL,
    method text NOT NULL DEFAULT 'regex',
    priority integer NOT NULL DEFAULT 100,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resolver_det_rules_pkey PRIMARY KEY (pattern),
    CONSTRAINT resolver_det_rules_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies(company_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_resolver_det_rules_priority ON resolver_det_rules (priority DESC, rule_id);

CREATE TABLE IF NOT EXISTS resolver_ignore_sponsor (
    pattern text NOT NULL,
    comment text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_resolver_ignore_sponsor_pattern UNIQUE (pattern)
);

CREATE TABLE IF NOT EXISTS resolver_llm_logs (
    llm_id bigserial,
    run_id text NOT NULL,
    nct_id text NOT NULL,
    sponsor_text text NOT NULL,
    candidates jsonb NOT NULL,
    prompt text NOT NULL,
    response_json jsonb,
    decision_mode text,
    chosen_company_id integer,
    confidence numeric(6,3),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resolver_llm_logs_pkey PRIMARY KEY (llm_id),
    CONSTRAINT resolver_llm_logs_mode_check CHECK (decision_mode IN ('accept', 'review', 'reject'))
);
CREATE INDEX IF NOT EXISTS resolver_llm_logs_nct_idx ON resolver_llm_logs (nct_id);

CREATE TABLE IF NOT EXISTS resolver_flags (
    key text NOT NULL,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resolver_flags_pkey PRIMARY KEY (key)
);

-- Constraints and indexes that need an extension, if the server offers it

\ir ../routines/ticker_dates.1.sql

DO $$
DECLARE
    v_schema text;
BEGIN
    IF pg_temp.ensure_extension('pg_trgm') THEN
        SELECT extnamespace::regnamespace::text INTO v_schema FROM pg_extension WHERE extname = 'pg_trgm';
        EXECUTE 'CREATE INDEX IF NOT EXISTS idx_company_aliases_alias_trgm'
            || format(' ON company_aliases USING gin (alias %s.gin_trgm_ops)', v_schema);
        EXECUTE 'CREATE INDEX IF NOT EXISTS ix_resolver_decisions_sponsor_norm_trgm'
            || format(' ON resolver_decisions USING gin (sponsor_text_norm %s.gin_trgm_ops)', v_schema);
    END IF;
EXCEPTION WHEN undefined_object OR insufficient_privilege THEN
    NULL; -- The extension is installed where this role cannot use it. No query needs these indexes.
END $$;

-- Views

\ir ../routines/active_securities.1.sql
\ir ../routines/company_views.1.sql
\ir ../routines/company_tickers.1.sql

-- Guardrails

\ir ../routines/pivotal_study_card.1.sql

-- Initial rows

INSERT INTO exchanges (code, mic, name) VALUES
    ('NASDAQ', 'XNAS', 'Nasdaq Stock Market'),
    ('NYSE', 'XNYS', 'New York Stock Exchange'),
    ('NYSE American', 'XASE', 'NYSE American'),
    ('OTCQX', 'OTCQ', 'OTC Markets OTCQX'),
    ('OTCQB', 'OTCQB', 'OTC Markets OTCQB')
ON CONFLICT DO NOTHING;

INSERT INTO resolver_flags (key, value) VALUES ('probabilistic_disabled', 'true') ON CONFLICT DO NOTHING;

INSERT INTO resolver_ignore_sponsor (pattern, comment) VALUES
    ('\m(NIH|NCI|NIAID|NHLBI|National (Cancer )?Institutes?|Department of Veterans Affairs|Centers for Disease Control|Ministry of Health|Medical Research Council)\M',
     'Government institutes'),
    ('\m(Universit(y|é|e|ies|aire|ario|à|ä[st]\w*)|Universidad|Universidade|College|School of Medicine|Hospitals?|Medical Cent(er|re)|Academic)\M',
     'Academic sponsors')
ON CONFLICT DO NOTHING;
