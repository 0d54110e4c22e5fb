-- Objects like those of the pipelines' later migrations: tables, columns and views beside and upon ours.
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
CREATE TABLE catalysts (
    catalyst_id bigserial PRIMARY KEY,
    trial_id bigint NOT NULL UNIQUE REFERENCES trials (trial_id) ON DELETE CASCADE,
    certainty numeric(3, 2) NOT NULL CHECK (certainty BETWEEN 0 AND 1),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_catalysts_certainty ON catalysts (certainty);
CREATE TRIGGER touch_catalysts BEFORE UPDATE ON catalysts FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
INSERT INTO catalysts (trial_id, certainty) SELECT trial_id, 0.5 FROM trials;
ALTER TABLE studies ADD tone_analysis jsonb, ADD reviewer_notes jsonb;
CREATE INDEX ix_studies_tone_analysis ON studies USING gin (tone_analysis);
CREATE VIEW v_latest_scores AS SELECT DISTINCT ON (trial_id) trial_id, run_id, p_fail FROM scores ORDER BY trial_id, run_id DESC;
CREATE VIEW v_trial_catalysts AS
    SELECT c.certainty, t.nct_id, s.p_fail FROM catalysts c JOIN trials t USING (trial_id) LEFT JOIN v_latest_scores s USING (trial_id);
CREATE VIEW v_enhanced_study_cards AS SELECT study_id, trial_id, extracted_jsonb, tone_analysis FROM studies;
