"""The rule that the date ranges of one ticker never overlap is verified in both of its forms, and repaired."""

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import adopt, call, run
from tests.migration.test_contract import CONTRACT_HEAD
from tests.sql import insert

DROP = "ALTER TABLE securities DROP CONSTRAINT ex_no_overlap_ticker"
NAME = "missing: constraint securities.ex_no_overlap_ticker"


def add_overlap(keywords: Keywords) -> None:
    with psycopg.connect(**keywords) as connection:
        company = insert(connection, "companies", name="NVIDIA", name_norm="nvidia", cik=1045810)
        (exchange,) = connection.execute("SELECT min(exchange_id) FROM exchanges").fetchone() or (None,)
        for status, dates in (("delisted", "[2026-01-01,2026-12-30)"), ("active", "[2026-11-30,2027-01-01)")):
            listing = {"company_id": company, "exchange_id": exchange, "ticker": "NVDA", "ticker_norm": "NVDA"}
            insert(connection, "securities", **listing, type="common", status=status, effective_range=dates)


def test_the_missing_rule_is_reported_and_repaired(head_database: Keywords) -> None:
    states.execute(head_database, DROP)
    for flag in ("--verify-only", "--drift"):
        code, _, error = call(head_database, flag)
        assert (code, NAME in error) == (ExitCode.FINDINGS, True)
    code, _, error = call(head_database)
    assert code == ExitCode.REFUSED
    assert f"--adopt {revisions.head()}" in error

    assert adopt(head_database, revisions.head())[0].verified
    assert call(head_database, "--drift")[0] == 0
    with pytest.raises(psycopg.errors.ExclusionViolation):
        add_overlap(head_database)


def test_a_run_adds_the_missing_rule_to_a_live_database(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    states.execute(empty_database, DROP)
    assert run(empty_database).verified
    with pytest.raises(psycopg.errors.ExclusionViolation):
        add_overlap(empty_database)


def test_rows_that_overlap_are_listed_before_anything_is_written(head_database: Keywords) -> None:
    states.execute(head_database, DROP)
    add_overlap(head_database)
    code, _, error = call(head_database, "--adopt", "auto", "--noinput")
    assert code == ExitCode.REFUSED
    assert "2 rows violate securities.ex_no_overlap_ticker" in error
    assert call(head_database, "--verify-only")[0] == ExitCode.FINDINGS


def test_both_forms_of_the_rule_count(ordinary_empty: Keywords) -> None:
    databases.migrate(ordinary_empty)
    assert call(ordinary_empty, "--drift")[0] == 0
    states.execute(
        ordinary_empty,
        DROP,
        "DROP EXTENSION btree_gist",
        'CREATE TYPE ticker_range AS RANGE (subtype = text, collation = "C")',
        "ALTER TABLE securities ADD CONSTRAINT ex_no_overlap_ticker EXCLUDE USING gist"
        " (ticker_range(ticker_norm, ticker_norm, '[]') WITH &&, effective_range WITH &&)",
    )
    assert call(ordinary_empty, "--drift")[0] == 0
    assert call(ordinary_empty, "--verify-only")[0] == 0
