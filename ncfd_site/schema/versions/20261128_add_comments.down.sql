SELECT set_config('ncfd.remove_comments', 'on', true);

\ir ../routines/comments.1.sql
