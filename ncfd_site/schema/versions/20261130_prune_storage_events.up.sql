-- Old events can be pruned by the owner, through a function that records it.
\ir ../routines/storage_event_pruning.1.sql
