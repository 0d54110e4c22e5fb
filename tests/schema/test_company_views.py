"""Company views, and constraints of securities."""

import psycopg
import pytest

from tests import databases
from tests.databases import Keywords
from tests.sql import Database, insert, make_company, one, refused


def parent(db: Database, child: int, of: int, **values: object) -> None:
    insert(db, "company_relationships", parent_company_id=of, child_company_id=child, **values)


def canonical(db: Database) -> dict[int, int]:
    rows = db.execute("SELECT company_id, canonical_id FROM v_company_canonical").fetchall()
    assert len(rows) == len(dict(rows)), "a company comes out once"
    return dict(rows)


def test_company_has_its_ultimate_current_parent(db: Database) -> None:
    alone, top, middle, low, sold = (make_company(db, cik) for cik in range(1, 6))
    parent(db, middle, top)
    parent(db, low, middle)
    parent(db, sold, top, end_date="2020-01-01")
    assert canonical(db) == {alone: alone, top: top, middle: top, low: top, sold: sold}


def test_cycle_of_parents_is_one_company(db: Database) -> None:
    first, second, third, below, own = (make_company(db, cik) for cik in range(1, 6))
    parent(db, first, second)
    parent(db, second, third)
    parent(db, third, first)
    parent(db, below, third)
    parent(db, own, own)
    assert canonical(db) == {first: first, second: first, third: first, below: first, own: own}


def test_company_with_several_parents_has_one_row(db: Database) -> None:
    first, second, child = (make_company(db, cik) for cik in range(1, 4))
    parent(db, child, second)
    parent(db, child, first)
    parent(db, child, first, rel_type="joint venture")
    assert canonical(db)[child] == first


def test_domains_come_from_aliases_and_websites(db: Database) -> None:
    company = make_company(db, 1)
    db.execute("UPDATE companies SET website_domain = 'Acme.com' WHERE company_id = %s", [company])
    for alias, kind in [("Acme.BIO", "domain"), ("Acme", "aka")]:
        insert(db, "company_aliases", company_id=company, alias=alias, alias_norm=alias.lower(), alias_type=kind)
    rows = db.execute("SELECT domain_root, src FROM v_domain_aliases ORDER BY 1").fetchall()
    assert rows == [("acme.bio", "alias"), ("acme.com", "company")]


def security(db: Database, ticker: str, dates: str, status: str = "active", company: int | None = None) -> int:
    company = company or make_company(db, abs(hash((ticker, dates))) % 10**9 + 1)
    return int(
        insert(
            db,
            "securities",
            company_id=company,
            exchange_id=1,
            ticker=ticker,
            ticker_norm=ticker.upper(),
            effective_range=dates,
            status=status,
        )
    )


def test_date_ranges_of_a_ticker_do_not_overlap(db: Database) -> None:
    security(db, "ACME", "[2020-01-01,2021-01-01)", "delisted")
    security(db, "ACME", "[2021-01-01,)")
    security(db, "ACMEW", "[2020-06-01,)")
    with refused(db, psycopg.errors.ExclusionViolation):
        security(db, "acme", "[2020-12-31,2021-01-01)", "delisted")
    with refused(db, psycopg.errors.UniqueViolation):
        security(db, "ACME", "[2019-01-01,2019-02-01)")


def test_company_tickers_join_as_text(db: Database) -> None:
    company = make_company(db, 1)
    number = security(db, "ACME", "[2020-01-01,)", company=company)
    insert(db, "company_securities", company_id=company, security_id=str(number))
    insert(db, "company_securities", company_id=company, security_id="not a number")
    assert db.execute("SELECT * FROM v_company_tickers ORDER BY ticker").fetchall() == [
        (company, "Acme Bio", "ACME", None, None, None, str(number)),
        (company, "Acme Bio", None, None, None, None, "not a number"),
    ]


def test_active_us_securities_are_active_on_allowed_exchanges(db: Database) -> None:
    security(db, "ACME", "[2020-01-01,)")
    security(db, "GONE", "[2020-01-01,)", "delisted")
    other = security(db, "BANN", "[2020-01-01,)")
    db.execute("UPDATE securities SET exchange_id = 2 WHERE security_id = %s", [other])
    db.execute("UPDATE exchanges SET is_allowed = false WHERE exchange_id = 2")
    db.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")
    assert db.execute("SELECT ticker, exchange_code, mic FROM v_active_us_securities").fetchall() == [
        ("ACME", "NASDAQ", "XNAS")
    ]


@pytest.mark.parametrize("active", ["boolean", "text"])
def test_ticker_view_adapts_to_columns_of_securities(empty_database: Keywords, active: str) -> None:
    databases.become(empty_database, "20250121_create_studies_table_and_guardrails")
    with psycopg.connect(**empty_database) as connection:
        connection.execute(
            f"ALTER TABLE securities ADD issuer_name varchar, ADD exchange text, ADD active {active} DEFAULT 'true'"
        )
        company = make_company(connection, 1)
        number = security(connection, "ACME", "[2020-01-01,)", company=company)
        connection.execute("UPDATE securities SET issuer_name = 'Acme Holdings', exchange = 'NASDAQ'")
        insert(connection, "company_securities", company_id=company, security_id=str(number))
    databases.migrate(empty_database)
    with psycopg.connect(**empty_database) as connection:
        row = one(connection.execute("SELECT ticker, issuer_name, exchange, active FROM v_company_tickers"))
    assert row == ("ACME", "Acme Holdings", "NASDAQ", "true")
