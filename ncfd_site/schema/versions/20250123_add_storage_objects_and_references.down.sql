-- Keeps columns that were added outside of Alembic, and the tables, which the previous revision creates.
SELECT pg_temp.refuse_loss(coalesce(
    (SELECT jsonb_object_agg(owner, 'object_id IS NOT NULL') FROM unnest(ARRAY['documents', 'studies']) AS owner
     WHERE pg_temp.is_created_here('COLUMN', owner || '.object_id')), '{}'));

DO $$
DECLARE
    v_owner text;
BEGIN
    FOREACH v_owner IN ARRAY ARRAY['documents', 'studies'] LOOP
        IF pg_temp.is_created_here('COLUMN', v_owner || '.object_id') THEN
            EXECUTE format('ALTER TABLE %I DROP COLUMN object_id', v_owner);
        END IF;
    END LOOP;
END $$;
