\ir ../routines/comments.1.sql
