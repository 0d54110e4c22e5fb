-- Only the owner can delete events, only old ones, and only while prune_storage_events() runs. Records of pruning are kept.
CREATE OR REPLACE FUNCTION forbid_event_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.action <> 'pruned' AND OLD.occurred_at < now() - interval '30 days'
       AND OLD.occurred_at < nullif(current_setting('ncfd.prune_events_before', true), '')::timestamptz
       AND pg_has_role((SELECT relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: rows cannot be changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Insert a new row instead. manage.py prune deletes old rows.';
END $$;

CREATE OR REPLACE FUNCTION prune_storage_events(p_event_ids bigint[], p_before timestamptz, p_actor text)
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    v_first timestamptz;
    v_last timestamptz;
    v_deleted bigint[];
BEGIN
    PERFORM set_config('ncfd.prune_events_before', p_before::text, true);
    WITH deleted AS (
        DELETE FROM storage_events
        WHERE event_id = ANY (p_event_ids) AND occurred_at < least(p_before, now() - interval '30 days') AND action <> 'pruned'
        RETURNING event_id, occurred_at
    )
    SELECT array_agg(event_id), min(occurred_at), max(occurred_at) INTO v_deleted, v_first, v_last FROM deleted;
    PERFORM set_config('ncfd.prune_events_before', '', true);
    IF v_deleted IS NOT NULL THEN
        INSERT INTO storage_events (actor, action, detail)
        VALUES (p_actor, 'pruned', jsonb_build_object('events', cardinality(v_deleted), 'first', v_first, 'last', v_last));
    END IF;
    RETURN QUERY SELECT unnest(v_deleted);
END $$;

CREATE OR REPLACE TRIGGER trg_storage_events_immutable BEFORE UPDATE OR DELETE ON storage_events
    FOR EACH ROW EXECUTE FUNCTION forbid_event_change();

COMMENT ON FUNCTION forbid_event_change() IS
    'Trigger on storage_events: rows cannot be changed, and deleted only by prune_storage_events().';
COMMENT ON FUNCTION prune_storage_events(bigint[], timestamptz, text) IS
    'Deletes those of the events that are older than p_before and 30 days, and records it in an event. For the owner of the '
    'table. Returns the deleted IDs.';
