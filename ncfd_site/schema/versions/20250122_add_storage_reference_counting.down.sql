-- Keeps tables that were created outside of Alembic, and their functions.
SELECT pg_temp.refuse_loss(coalesce(
    (SELECT jsonb_object_agg(made, 'true') FROM unnest(ARRAY['storage_references', 'storage_objects']) AS made
     WHERE pg_temp.is_created_here('TABLE', made)), '{}'));

DO $$
BEGIN
    IF pg_temp.is_created_here('TABLE', 'storage_objects') THEN
        DROP FUNCTION IF EXISTS get_cleanup_candidates(integer, integer);
        DROP FUNCTION IF EXISTS decrement_storage_refcount(text, text, text, bigint);
        DROP FUNCTION IF EXISTS increment_storage_refcount(text, text, text, bigint);
    END IF;
    IF pg_temp.is_created_here('TABLE', 'storage_references') THEN
        DROP TABLE storage_references;
    END IF;
    IF pg_temp.is_created_here('TABLE', 'storage_objects') THEN
        DROP TABLE storage_objects;
    END IF;
END $$;
