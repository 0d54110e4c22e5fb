-- One row for each time that a person promoted the links of a heuristic, with what the gate said, and whether it was taken back.
CREATE TABLE IF NOT EXISTS link_promotions (
    promotion_id bigint GENERATED ALWAYS AS IDENTITY,
    heuristic text NOT NULL,
    promoted_by text NOT NULL,
    promoted_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    gate jsonb NOT NULL,
    links bigint NOT NULL DEFAULT 0,
    taken_back_by text,
    taken_back_at timestamptz,
    taken_back_reason text,
    CONSTRAINT link_promotions_pkey PRIMARY KEY (promotion_id),
    CONSTRAINT ck_link_promotions_taken_back CHECK (
        (taken_back_at IS NULL) = (taken_back_by IS NULL) AND (taken_back_at IS NULL) = (taken_back_reason IS NULL))
);
CREATE INDEX IF NOT EXISTS ix_link_promotions_heuristic ON link_promotions (heuristic, promotion_id);

-- The links that a promotion promoted, with the rows of the cross-references that it made for each.
CREATE TABLE IF NOT EXISTS link_promotion_rows (
    promotion_id bigint NOT NULL,
    audit_id bigint NOT NULL,
    was_status text NOT NULL,
    trial_xref_id bigint,
    study_xref_ids bigint[] NOT NULL DEFAULT '{}',
    CONSTRAINT link_promotion_rows_pkey PRIMARY KEY (promotion_id, audit_id),
    CONSTRAINT link_promotion_rows_promotion_id_fkey
        FOREIGN KEY (promotion_id) REFERENCES link_promotions(promotion_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_link_promotion_rows_audit ON link_promotion_rows (audit_id);

\ir ../routines/link_promotions.1.sql
