"""Drift names every kind of object and attribute that PostgreSQL has, and prints the SQL that repairs it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ncfd_site.postgres.embedded import programs
from ncfd_site.schema import attributes, catalog
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, query

# Catalogs that are not read, and why.
NOT_READ = {
    "derived from other catalogs, or data of the planner": (
        "pg_shdepend pg_statistic pg_statistic_ext_data pg_largeobject pg_largeobject_metadata"
    ),
    "of the whole server, which pg_dump leaves out": (
        "pg_auth_members pg_parameter_acl pg_replication_origin pg_shdescription pg_shseclabel"
    ),
    "parts of an object that is named: aggregate, operator class or family, search configuration, range, mapping": (
        "pg_aggregate pg_amop pg_amproc pg_ts_config_map pg_range pg_foreign_table pg_partitioned_table"
        " pg_subscription_rel"
    ),
    "read through the view pg_user_mappings, which everyone may read": "pg_user_mapping",
}
# Columns of catalogs that are not read by name, and why.
COLUMNS_NOT_READ: dict[str, dict[str, str]] = {
    "pg_class": {
        "identity, storage and counters": (
            "relfilenode relpages reltuples relallvisible relallfrozen reltoastrelid relnatts relrewrite relfrozenxid"
            " relminmxid relisshared reltype"
        ),
        "derived from other catalogs": "relhasindex relchecks relhasrules relhastriggers relhassubclass",
    },
    "pg_attribute": {
        "of the type": "attlen attbyval attalign attndims",
        "derived from other catalogs": "atthasdef atthasmissing attmissingval attislocal attinhcount attcacheoff",
    },
    "pg_proc": {
        "in pg_get_functiondef": (
            "prolang procost prorows provariadic prosupport prosecdef proleakproof proisstrict proretset provolatile"
            " proparallel pronargs pronargdefaults prorettype proallargtypes proargmodes proargnames proargdefaults"
            " protrftypes prosrc probin prosqlbody proconfig"
        ),
    },
    "pg_trigger": {
        "in pg_get_triggerdef": (
            "tgtype tgconstrrelid tgdeferrable tginitdeferred tgnargs tgattr tgargs tgqual tgoldtable tgnewtable"
        ),
        "of triggers that belong to a constraint or a partition": "tgparentid tgconstrindid tgconstraint",
    },
    "pg_constraint": {
        "in pg_get_constraintdef": (
            "condeferrable condeferred conenforced confupdtype confmatchtype connoinherit conperiod confdelsetcols"
            " conpfeqop conppeqop conffeqop conexclop conbin"
        ),
        "identity, domains and partitions": "connamespace contypid conparentid conislocal coninhcount",
    },
    "pg_index": {
        "in pg_get_indexdef": "indnatts indnullsnotdistinct indisexclusion indcollation indclass indoption",
        "states of a build": "indimmediate indcheckxmin indisready indislive",
    },
    "pg_rewrite": {"in pg_get_ruledef": "ev_type is_instead ev_qual ev_action"},
    "pg_policy": {},
    "pg_sequence": {},
    "pg_statistic_ext": {"in pg_get_statisticsobjdef": "stxnamespace stxowner stxkeys stxkind stxexprs"},
    "pg_enum": {},
    "pg_inherits": {"identity and partitions": "inhseqno inhdetachpending"},
    "pg_default_acl": {},
    "pg_db_role_setting": {},
}

READ = " ".join([*attributes.QUERIES, *(kind.query for kind in catalog._TYPES)])


def listed(reasons: dict[str, str]) -> set[str]:
    return {name for names in reasons.values() for name in names.split()}


def is_read(name: str) -> bool:
    return re.search(rf"\b{name}\b", READ) is not None


def test_every_catalog_is_read_or_has_a_reason(shared_head_database: Keywords) -> None:
    found = {
        name
        for (name,) in query(
            shared_head_database,
            "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'"
            " UNION SELECT classid::regclass::text FROM pg_depend WHERE classid <> 0"
            " UNION SELECT refclassid::regclass::text FROM pg_depend WHERE refclassid <> 0",
        )
    }
    exceptions = listed(NOT_READ)
    assert sorted(name for name in found if not is_read(name) and name not in exceptions) == []
    assert sorted(name for name in exceptions if is_read(name)) == []


@pytest.mark.parametrize("name", COLUMNS_NOT_READ)
def test_every_column_of_a_catalog_is_read_or_has_a_reason(shared_head_database: Keywords, name: str) -> None:
    columns = {
        column
        for (column,) in query(
            shared_head_database,
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped",
        )
    }
    exceptions = listed(COLUMNS_NOT_READ[name])
    assert sorted(column for column in columns if not is_read(column) and column not in exceptions) == []
    assert sorted(column for column in exceptions if is_read(column)) == []


_SETTING = "DO $$ BEGIN EXECUTE format('ALTER {} %I SET {}', current_database()); END $$"
# Changes, and what drift prints. All are made in one database, so each is of another object.
DRIFT = {
    "rule": (
        "CREATE RULE swallow AS ON UPDATE TO link_audit DO INSTEAD NOTHING",
        "extra: rule swallow on link_audit: CREATE RULE swallow AS",
    ),
    "policy": ("CREATE POLICY mine ON trials FOR SELECT USING (true)", "extra: policy mine on trials: PERMISSIVE"),
    "row security": ("ALTER TABLE assets ENABLE ROW LEVEL SECURITY", "differs: relation assets is table ROW SECURITY"),
    "forced row security": ("ALTER TABLE gates FORCE ROW LEVEL SECURITY", "extra: forced row security gates: on"),
    "option of a view": (
        "ALTER VIEW v_company_canonical SET (security_barrier = true)",
        "extra: options v_company_canonical: security_barrier=true",
    ),
    "storage parameter": ("ALTER TABLE trials SET (fillfactor = 50)", "extra: options trials: fillfactor=50"),
    "storage parameter of a key": (
        "ALTER INDEX trials_pkey SET (fillfactor = 50)",
        "extra: options trials_pkey: fillfactor=50",
    ),
    "statistics target": (
        "ALTER TABLE trials ALTER phase SET STATISTICS 900",
        "extra: statistics target trials.phase: 900",
    ),
    "option of a column": (
        "ALTER TABLE trials ALTER status SET (n_distinct = 5)",
        "extra: options trials.status: n_distinct=5",
    ),
    "properties of a function": (
        "ALTER FUNCTION get_cleanup_candidates(integer, integer) SECURITY DEFINER COST 7 PARALLEL SAFE LEAKPROOF",
        "    + STABLE PARALLEL SAFE SECURITY DEFINER LEAKPROOF COST 7",
    ),
    "body of a function": (
        (
            "CREATE OR REPLACE FUNCTION can_auto_promote_heuristic(p_heuristic text, p_min_precision numeric"
            " DEFAULT 0.95, p_min_links integer DEFAULT 50) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'"
        ),
        "    +AS $function$SELECT true$function$",
    ),
    "names of arguments": (
        (
            "DROP FUNCTION find_deletion_blocker(bigint, text, text);"
            " CREATE FUNCTION find_deletion_blocker(a bigint, b text, c text) RETURNS text LANGUAGE sql AS 'SELECT b'"
        ),
        "differs: function find_deletion_blocker(bigint, text, text)\n    --- expected\n    +++ found",
    ),
    "query of a view": (
        (
            "CREATE OR REPLACE VIEW v_domain_aliases AS"
            " SELECT company_id, alias AS domain_root, 'alias'::text AS src FROM company_aliases"
        ),
        "differs: view v_domain_aliases\n    --- expected\n    +++ found",
    ),
    "rows of a materialized view": (
        "REFRESH MATERIALIZED VIEW v_active_us_securities WITH NO DATA",
        "extra: population v_active_us_securities: WITH NO DATA",
    ),
    "grant to everyone": ("GRANT UPDATE ON companies TO PUBLIC", "extra: grant companies to PUBLIC: UPDATE"),
    "grant to read what is not of the contract": (
        "GRANT SELECT ON site_api_tokens TO PUBLIC",
        "extra: grant site_api_tokens to PUBLIC: SELECT",
    ),
    "grant on a column": (
        "GRANT UPDATE (phase) ON trials TO PUBLIC",
        "extra: grant trials.phase to PUBLIC: UPDATE",
    ),
    "grant that forges reviews": (
        "GRANT INSERT ON link_reviews TO {role}",
        "extra: grant link_reviews to {role}: INSERT",
    ),
    "grant to pass on": (
        "GRANT SELECT ON documents TO {role} WITH GRANT OPTION",
        "extra: grant documents to {role}: SELECT WITH GRANT OPTION",
    ),
    "revoked function": (
        "REVOKE EXECUTE ON FUNCTION get_heuristic_precision(text, timestamptz, timestamptz) FROM PUBLIC",
        "with time zone) to PUBLIC: not EXECUTE",
    ),
    "granted trigger function": (
        "GRANT EXECUTE ON FUNCTION update_refcount() TO PUBLIC",
        "missing: grant update_refcount() to PUBLIC: not EXECUTE",
    ),
    "grant on the schema": (
        "GRANT CREATE ON SCHEMA public TO {role}",
        "extra: grant schema public to {role}: CREATE",
    ),
    "owner": ("ALTER TABLE scores OWNER TO {role}", "extra: owner scores: {role} instead of "),
    "owner of a function": (
        "ALTER FUNCTION update_refcount() OWNER TO {role}",
        "extra: owner update_refcount(): {role} instead of ",
    ),
    "identity": (
        "ALTER TABLE site_jobs ALTER job_id SET GENERATED BY DEFAULT",
        "differs: identity site_jobs.job_id is GENERATED BY DEFAULT",
    ),
    "cache of a sequence": ("ALTER SEQUENCE trials_trial_id_seq CACHE 50", "extra: cache trials_trial_id_seq: 50"),
    "triggers of foreign keys": (
        "ALTER TABLE signals DISABLE TRIGGER ALL",
        "extra: foreign key triggers signals: ",
    ),
    "trigger for replicas": (
        "ALTER TABLE studies ENABLE REPLICA TRIGGER trg_enforce_pivotal_study_card",
        "differs: trigger trg_enforce_pivotal_study_card on studies",
    ),
    "default": ("ALTER TABLE documents ALTER status DROP DEFAULT", "differs: column documents.status"),
    "inheritance": (
        "CREATE TABLE child () INHERITS (exchanges)",
        "extra: inheritance public.child: child of exchanges",
    ),
    "cast": (
        (
            "CREATE FUNCTION of_text(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';"
            " CREATE CAST (text AS integer) WITH FUNCTION of_text(text) AS IMPLICIT"
        ),
        "extra: cast (pg_catalog.text AS integer): exists",
    ),
    "setting": (
        _SETTING.format("DATABASE", "session_replication_role = replica"),
        "extra: setting session_replication_role of the database",
    ),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "to PUBLIC: SELECT",
    ),
    "setting of a role": (
        _SETTING.format("ROLE {role} IN DATABASE", "row_security = off"),
        "extra: setting row_security of the database of role {role}: row_security=off",
    ),
    "grant to pass on what is no decision": (
        "GRANT INSERT ON link_promotions TO {role} WITH GRANT OPTION",
        "extra: grant link_promotions to {role}: INSERT WITH GRANT OPTION",
    ),
    "grant on the database": (
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database()); END $$",
        "extra: grant database to {role}: CREATE",
    ),
    "grant on a sequence": (
        "GRANT USAGE ON SEQUENCE trials_trial_id_seq TO PUBLIC",
        "extra: grant trials_trial_id_seq to PUBLIC: USAGE",
    ),
    "revoked privilege of the owner": (
        "DO $$ BEGIN EXECUTE format('REVOKE DELETE ON assets FROM %I', current_user); END $$",
        "extra: grant assets to its owner: not DELETE",
    ),
}
INFORMATION = {
    "comment": ("COMMENT ON COLUMN trials.phase IS 'mine'", "extra: comment column trials.phase: mine"),
    "removed comment": (
        "COMMENT ON COLUMN document_links.doc_id IS NULL",
        "missing: comment column document_links.doc_id",
    ),
    "grants of a pipeline": (
        "GRANT SELECT, INSERT, UPDATE, DELETE ON trials TO {role}",
        "extra: grant trials to {role}: DELETE, INSERT, SELECT, UPDATE",
    ),
    "reader of the contract": ("GRANT SELECT ON gates TO PUBLIC", "extra: grant gates to PUBLIC: SELECT"),
    "reader": ("GRANT SELECT ON link_reviews TO {role}", "extra: grant link_reviews to {role}: SELECT"),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
        " to {role}: SELECT",
    ),
    "replica identity": ("ALTER TABLE trials REPLICA IDENTITY FULL", "extra: replica identity trials: FULL"),
    "clustering": ("ALTER TABLE trials CLUSTER ON trials_pkey", "extra: clustering trials_pkey: by this index"),
    "statistics": ("CREATE STATISTICS mine ON phase, status FROM trials", "extra: statistics mine: CREATE STATISTICS"),
    "storage": (
        "ALTER TABLE studies ALTER extracted_jsonb SET STORAGE EXTERNAL",
        "extra: storage studies.extracted_jsonb",
    ),
    "publication": ("CREATE PUBLICATION mine FOR TABLE trials", "extra: publication mine: exists"),
    "setting": (
        _SETTING.format("DATABASE", "work_mem = ''5MB''"),
        "extra: setting work_mem of the database: work_mem=5MB",
    ),
    "domain": ("CREATE DOMAIN mine AS text CHECK (value <> '')", "extra: type public.mine: exists"),
    "aggregate": ("CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer)", "extra: aggregate public.total"),
    "foreign table": (
        (
            "CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER far FOREIGN DATA WRAPPER wrapper;"
            " CREATE FOREIGN TABLE far_away (n integer) SERVER far; CREATE USER MAPPING FOR CURRENT_USER SERVER far"
        ),
        "extra: foreign table public.far_away: exists",
    ),
    "event trigger": (
        (
            "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            " CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION on_ddl()"
        ),
        "extra: event trigger mine: exists",
    ),
    "harmless objects": (
        "CREATE TABLE notes (id integer); CREATE INDEX more ON trials (phase, status); ANALYZE trials",
        "extra: relation notes: table (left alone)",
    ),
}


@pytest.fixture
def role(head_database: Keywords, worker: str) -> Iterator[str]:
    """A role of the server."""
    name = f"attributes_{worker}"
    states.execute(head_database, f"DROP ROLE IF EXISTS {name}", f"CREATE ROLE {name}")
    yield name
    states.execute(head_database, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def change(keywords: Keywords, cases: dict[str, tuple[str, str]], role: str) -> None:
    with psycopg.connect(**keywords, autocommit=True) as connection:
        for statement, _ in cases.values():
            connection.execute(statement.replace("{role}", role).encode())


def unnamed(cases: dict[str, tuple[str, str]], printed: str, role: str) -> list[str]:
    return [name for name, (_, words) in cases.items() if words.replace("{role}", role) not in printed]


def test_every_change_of_behavior_or_access_is_drift_and_is_repaired(head_database: Keywords, role: str) -> None:
    change(head_database, DRIFT, role)
    code, _, error = call(head_database, "--drift")
    assert code == 3
    assert unnamed(DRIFT, error, role) == []
    code, script, _ = call(head_database, "--drift", "--repair-sql")
    assert code == 0
    assert script.startswith("SET lock_timeout = '500ms';\n")
    psql: list[str | Path] = [
        programs.find_program("psql"),
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        make_conninfo(**head_database),
    ]
    done = subprocess.run(psql, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    code, out, error = call(head_database, "--drift")
    assert (code, error) == (0, "")
    # Without the option it is what pipelines need.
    assert f"extra: grant documents to {role}: SELECT\n" in out
    assert call(head_database, "--drift", "--repair-sql")[1] == "-- No drift.\n"


def test_what_no_statement_repairs_has_the_next_action(head_database: Keywords) -> None:
    states.execute(
        head_database,
        "ALTER TYPE security_status ADD VALUE 'gone'",
        "DROP TABLE ctgov_ingest_state; CREATE VIEW ctgov_ingest_state AS SELECT 1 AS source",
    )
    code, script, _ = call(head_database, "--drift", "--repair-sql")
    assert code == 0
    assert [line for line in script.splitlines() if "; next action: " in line] == [
        (
            "-- enum security_status differs; next action: a label cannot be dropped: leave it, and add"
            " --exclude security_status to --drift"
        ),
        (
            "-- relation ctgov_ingest_state differs; next action: rename the view, and print this SQL again;"
            " then move its rows"
        ),
    ]


def test_what_changes_neither_behavior_nor_access_is_information(head_database: Keywords, role: str) -> None:
    change(head_database, INFORMATION, role)
    code, out, error = call(head_database, "--drift")
    assert (code, error) == (0, "")
    assert unnamed(INFORMATION, out.partition("Information, no drift:\n")[2], role) == []


def test_attributes_of_other_tables_are_not_compared(head_database: Keywords, role: str) -> None:
    states.execute(
        head_database,
        "CREATE TABLE notes (id integer)",
        "ALTER TABLE notes SET (fillfactor = 50)",
        f"ALTER TABLE notes OWNER TO {role}",
        "CREATE POLICY mine ON notes USING (true)",
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
    )
    code, out, _ = call(head_database, "--drift")
    assert (code, out.count("\n")) == (0, 3)
