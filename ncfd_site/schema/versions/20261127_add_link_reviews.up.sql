-- Append-only, and without foreign keys, so that rows outlive the link and its document.
CREATE TABLE IF NOT EXISTS link_reviews (
    review_id bigint GENERATED ALWAYS AS IDENTITY,
    audit_id bigint NOT NULL,
    doc_id bigint NOT NULL,
    asset_id bigint NOT NULL,
    nct_id text,
    heuristic text,
    decision text NOT NULL,
    label_source text,
    reviewer text,
    reviewed_at timestamptz NOT NULL DEFAULT now(),
    mode text NOT NULL,
    sample_id bigint,
    supersedes bigint,
    seconds numeric(9,1),
    note text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    recorded_by text NOT NULL DEFAULT session_user,
    CONSTRAINT link_reviews_pkey PRIMARY KEY (review_id),
    CONSTRAINT ck_link_reviews_decision CHECK (decision IN ('right', 'wrong', 'unsure', 'cleared', 'undone')),
    CONSTRAINT ck_link_reviews_mode CHECK (mode IN ('queue', 'adjudication', 'page', 'bulk', 'load', 'sql', 'existing')),
    CONSTRAINT ck_link_reviews_undone CHECK (decision <> 'undone' OR supersedes IS NOT NULL),
    CONSTRAINT ck_link_reviews_reviewer CHECK (mode NOT IN ('queue', 'adjudication', 'page', 'bulk') OR coalesce(reviewer, '') <> '')
);
CREATE INDEX IF NOT EXISTS ix_link_reviews_audit_reviewer ON link_reviews (audit_id, reviewer);
CREATE INDEX IF NOT EXISTS ix_link_reviews_heuristic ON link_reviews (heuristic, review_id);
CREATE INDEX IF NOT EXISTS ix_link_reviews_reviewer ON link_reviews (reviewer, review_id);

CREATE TABLE IF NOT EXISTS link_disagreements (
    audit_id bigint NOT NULL,
    heuristic text,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT link_disagreements_pkey PRIMARY KEY (audit_id),
    CONSTRAINT ck_link_disagreements_reason CHECK (reason IN ('conflict', 'unsure'))
);

CREATE TABLE IF NOT EXISTS review_samples (
    sample_id bigint GENERATED ALWAYS AS IDENTITY,
    heuristic text NOT NULL,
    purpose text NOT NULL DEFAULT 'precision',
    population bigint NOT NULL,
    size integer NOT NULL,
    second_share numeric(4,3) NOT NULL,
    seed bigint NOT NULL,
    drawn_by text NOT NULL,
    drawn_at timestamptz NOT NULL DEFAULT now(),
    closed_by text,
    closed_at timestamptz,
    CONSTRAINT review_samples_pkey PRIMARY KEY (sample_id),
    CONSTRAINT ck_review_samples_purpose CHECK (purpose IN ('precision', 'promoted')),
    CONSTRAINT ck_review_samples_second_share CHECK (second_share BETWEEN 0 AND 1)
);
CREATE INDEX IF NOT EXISTS ix_review_samples_heuristic ON review_samples (heuristic, sample_id);

CREATE TABLE IF NOT EXISTS review_slots (
    slot_id bigint GENERATED ALWAYS AS IDENTITY,
    sample_id bigint NOT NULL,
    position integer NOT NULL,
    opinion smallint NOT NULL DEFAULT 1,
    audit_id bigint NOT NULL,
    state text NOT NULL DEFAULT 'open',
    leased_by text,
    lease_token uuid,
    leased_at timestamptz,
    lease_until timestamptz,
    review_id bigint,
    reviewer text,
    done_at timestamptz,
    CONSTRAINT review_slots_pkey PRIMARY KEY (slot_id),
    CONSTRAINT uq_review_slots_position UNIQUE (sample_id, position, opinion),
    CONSTRAINT review_slots_sample_id_fkey FOREIGN KEY (sample_id) REFERENCES review_samples(sample_id) ON DELETE CASCADE,
    CONSTRAINT ck_review_slots_state CHECK (state IN ('open', 'done', 'deleted')),
    CONSTRAINT ck_review_slots_done CHECK ((state = 'done') = (review_id IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS ix_review_slots_open ON review_slots (sample_id, position, opinion, slot_id) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS ix_review_slots_audit ON review_slots (audit_id);
CREATE INDEX IF NOT EXISTS ix_review_slots_lease ON review_slots (leased_by) WHERE state = 'open' AND leased_by IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS uq_review_slots_token ON review_slots (lease_token);

CREATE TABLE IF NOT EXISTS review_skips (
    skip_id bigint GENERATED ALWAYS AS IDENTITY,
    slot_id bigint NOT NULL,
    audit_id bigint NOT NULL,
    reviewer text NOT NULL,
    reason text NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT review_skips_pkey PRIMARY KEY (skip_id),
    CONSTRAINT review_skips_slot_id_fkey FOREIGN KEY (slot_id) REFERENCES review_slots(slot_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_review_skips_slot ON review_skips (slot_id, reviewer);

CREATE TABLE IF NOT EXISTS interim_analyses (
    sample_id bigint NOT NULL,
    size integer NOT NULL,
    error_count integer NOT NULL,
    alpha numeric(6,5) NOT NULL,
    lower_bound numeric(7,6) NOT NULL,
    passed boolean NOT NULL,
    analyzed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT interim_analyses_pkey PRIMARY KEY (sample_id, size),
    CONSTRAINT interim_analyses_sample_id_fkey FOREIGN KEY (sample_id) REFERENCES review_samples(sample_id) ON DELETE CASCADE
);

\ir ../routines/link_reviews.1.sql
\ir ../routines/review_queue.1.sql
\ir ../routines/precision_routines.2.sql

-- Index-only scans need a recently vacuumed table. A value set by its owner stays.
DO $$ DECLARE v_option text; BEGIN
    FOREACH v_option IN ARRAY ARRAY['autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_insert_scale_factor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_class c, pg_options_to_table(c.reloptions) o
                       WHERE c.oid = 'public.link_audit'::regclass AND o.option_name = v_option) THEN
            EXECUTE format('ALTER TABLE public.link_audit SET (%I = 0.01)', v_option);
        END IF;
    END LOOP;
END $$;

-- Record the labels that existed before the triggers.
CALL backfill_link_reviews();
-- For index-only scans of get_heuristic_precision.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_link_audit_precision ON link_audit (heuristic_applied, created_at) INCLUDE (label);
