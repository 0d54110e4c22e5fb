CREATE TABLE IF NOT EXISTS link_promotions (
    promotion_id bigint GENERATED ALWAYS AS IDENTITY,
    heuristic text NOT NULL,
    promoted_by text NOT NULL,
    promoted_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    precision_counts jsonb NOT NULL,
    link_count bigint NOT NULL DEFAULT 0,
    reverted_by text,
    reverted_at timestamptz,
    revert_reason text,
    CONSTRAINT link_promotions_pkey PRIMARY KEY (promotion_id),
    CONSTRAINT ck_link_promotions_reverted CHECK (
        (reverted_at IS NULL) = (reverted_by IS NULL) AND (reverted_at IS NULL) = (revert_reason IS NULL))
);
CREATE INDEX IF NOT EXISTS ix_link_promotions_heuristic ON link_promotions (heuristic, promotion_id);

CREATE TABLE IF NOT EXISTS link_promotion_items (
    promotion_id bigint NOT NULL,
    audit_id bigint NOT NULL,
    previous_status text NOT NULL,
    trial_xref_id bigint,
    study_xref_ids bigint[] NOT NULL DEFAULT '{}',
    CONSTRAINT link_promotion_items_pkey PRIMARY KEY (promotion_id, audit_id),
    CONSTRAINT link_promotion_items_promotion_id_fkey
        FOREIGN KEY (promotion_id) REFERENCES link_promotions(promotion_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_link_promotion_items_audit ON link_promotion_items (audit_id);

\ir ../routines/link_promotions.1.sql
