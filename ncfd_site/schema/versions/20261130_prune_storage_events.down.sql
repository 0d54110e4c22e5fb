CREATE OR REPLACE TRIGGER trg_storage_events_immutable BEFORE UPDATE OR DELETE ON storage_events
    FOR EACH ROW EXECUTE FUNCTION forbid_record_change();
DROP FUNCTION IF EXISTS prune_storage_events(bigint[], timestamptz, text);
DROP FUNCTION IF EXISTS forbid_event_change();
