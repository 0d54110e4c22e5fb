"""The revisions create the contract, on every server and from both command lines."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests import databases
from tests.contract import catalog
from tests.databases import Keywords

ROOT_REVISION = "20250121_create_studies_table_and_guardrails"
CONTRACT_HEAD = "20250124_add_resolver_system_and_company_securities"
CONTRACT = Path(catalog.__file__).parent
PROJECT = Path(__file__).parents[2]


def differences(keywords: Keywords, file: str) -> list[str]:
    reference = json.loads((CONTRACT / file).read_text())
    compare: Any = catalog
    return list(compare.differences(compare.dump(make_conninfo(**keywords)), reference))


def url(keywords: Keywords) -> str:
    return make_conninfo(**keywords)


@pytest.mark.parametrize(
    "command", [["manage.py", "migrate_alembic"], ["-m", "alembic", "upgrade"]], ids=["manage.py", "alembic"]
)
def test_revisions_make_the_contract_on_an_empty_database(empty_database: Keywords, command: list[str]) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": url(empty_database),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
    }

    for revision, file in [
        (ROOT_REVISION, "catalog-root.json"),
        (CONTRACT_HEAD, "catalog-head.json"),
        ("head", "catalog-head.json"),
    ]:
        run = subprocess.run(
            [sys.executable, *command, revision],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert differences(empty_database, file) == []


def test_head_of_the_contract_counts_44_relations(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)

    with psycopg.connect(**empty_database) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_name <> 'alembic_migration_log'"
        ).fetchone()
    assert counted == (44,)


def test_a_new_database_has_the_rows_of_the_contract(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        exchanges = connection.execute("SELECT code, mic FROM exchanges ORDER BY exchange_id").fetchall()
        flags = connection.execute("SELECT key, value FROM resolver_flags").fetchall()
        ignored = connection.execute("SELECT count(*) FROM resolver_ignore_sponsor").fetchone()
        matched = connection.execute(
            "SELECT bool_and(name ~* ANY (SELECT pattern FROM resolver_ignore_sponsor)) FROM unnest(ARRAY["
            " 'National Cancer Institute (NCI)', 'University of Oxford', 'Universitätsklinikum Heidelberg',"
            " 'Assistance Publique Hospital', 'Universidad de Chile']) AS name"
        ).fetchone()
        kept = connection.execute(
            "SELECT bool_or(name ~* ANY (SELECT pattern FROM resolver_ignore_sponsor)) FROM unnest(ARRAY["
            " 'Moderna, Inc.', 'Universal Display Corp', 'Collegium Pharmaceutical', 'Instituto Biotech Inc']) AS name"
        ).fetchone()
    assert exchanges == [
        ("NASDAQ", "XNAS"),
        ("NYSE", "XNYS"),
        ("NYSE American", "XASE"),
        ("OTCQX", "OTCQ"),
        ("OTCQB", "OTCQB"),
    ]
    assert flags == [("probabilistic_disabled", "true")]
    assert ignored == (2,)
    assert matched == (True,)
    assert kept == (False,)
