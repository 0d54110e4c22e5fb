\ir ../routines/storage_tables.1.sql
\ir ../routines/storage_routines.1.sql

DO $$
DECLARE
    v_owner text;
BEGIN
    FOREACH v_owner IN ARRAY ARRAY['documents', 'studies'] LOOP
        IF pg_temp.lacks_column(v_owner, 'object_id') THEN
            EXECUTE format('ALTER TABLE %I ADD COLUMN object_id bigint', v_owner);
            PERFORM pg_temp.mark_created('COLUMN', v_owner || '.object_id');
        END IF;
        PERFORM pg_temp.ensure_constraint(v_owner, 'f', '{object_id}', v_owner || '_object_id_fkey',
            'FOREIGN KEY (object_id) REFERENCES storage_objects(object_id) NOT VALID');
    END LOOP;
END $$;

ALTER TABLE documents VALIDATE CONSTRAINT documents_object_id_fkey;
ALTER TABLE studies VALIDATE CONSTRAINT studies_object_id_fkey;
