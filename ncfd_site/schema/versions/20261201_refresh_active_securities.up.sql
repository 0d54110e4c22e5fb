-- Roles that load securities refresh the view of active ones by a function.
\ir ../routines/active_securities_refresh.1.sql
