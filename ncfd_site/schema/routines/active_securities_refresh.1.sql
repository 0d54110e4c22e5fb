-- Refresh v_active_us_securities with the rights of its owner, for roles with a grant on this function.
CREATE OR REPLACE FUNCTION refresh_active_us_securities() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    REFRESH MATERIALIZED VIEW public.v_active_us_securities;
END $$;
REVOKE EXECUTE ON FUNCTION refresh_active_us_securities() FROM PUBLIC;

COMMENT ON FUNCTION refresh_active_us_securities() IS
    'Refreshes v_active_us_securities with the rights of its owner. manage.py database_roles grants it.';
