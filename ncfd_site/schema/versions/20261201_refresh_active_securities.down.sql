DROP FUNCTION IF EXISTS refresh_active_us_securities();
