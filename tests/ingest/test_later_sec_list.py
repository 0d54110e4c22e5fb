"""Later ticker lists: changed names, and tickers that move, vanish and return."""

import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securities.models import Company, CompanyAlias, CompanyRelationship, CompanySecurity, Exchange, Security
from tests.ingest.conftest import Load
from tests.ingest.lists import (
    EXAMPLE,
    SAMPLE,
    Row,
    as_csv,
    as_json,
)

pytestmark = pytest.mark.django_db
FIRST, LATER = date(2024, 1, 1), date(2024, 2, 1)


@pytest.fixture(name="listed")
def loads_a_list(load: Load, tmp_path: Path) -> Any:
    """Return a function that loads rows as of a day."""

    def run(as_of: date, *rows: Row, **options: Any) -> Any:
        return load("sec_tickers", as_csv(tmp_path / "list.csv", *rows), as_of=as_of, **options)

    return run


def ranges(ticker: str) -> list[tuple[int, str, date | None, date | None]]:
    """Return CIK, status and range bounds of every security of a ticker."""
    found = Security.objects.filter(ticker_norm=ticker).order_by("security_id")
    return [(one.cik or 0, one.status, one.effective_range.lower, one.effective_range.upper) for one in found]


def test_repeated_list_changes_nothing(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    before = list(Security.objects.values()), list(Company.objects.values()), list(CompanySecurity.objects.values())
    for day in (FIRST, LATER):
        outcome = listed(day, EXAMPLE, SAMPLE)
        assert outcome.row("companies") == outcome.row("securities") == (0, 0, 2, 0)
    assert before == (
        list(Security.objects.values()),
        list(Company.objects.values()),
        list(CompanySecurity.objects.values()),
    )


def test_former_name_is_kept_as_an_alias(listed: Any) -> None:
    listed(FIRST, EXAMPLE)
    outcome = listed(LATER, (1001, "Renamed Bio, Inc.", "EXMP", "Nasdaq"))
    assert outcome.row("companies") == (0, 1, 0, 0)
    company = Company.objects.get()
    assert (company.name, company.name_norm) == ("Renamed Bio, Inc.", "renamed bio")
    alias = CompanyAlias.objects.get()
    assert (alias.company, alias.alias, alias.alias_norm) == (
        company,
        "Example Therapeutics, Inc.",
        "example therapeutics",
    )
    assert (alias.alias_type, alias.end_date) == ("former_name", LATER)
    listed(LATER, EXAMPLE)
    listed(LATER, (1001, "Renamed Bio, Inc.", "EXMP", "Nasdaq"))
    assert CompanyAlias.objects.count() == 2
    # Another case and punctuation is no former name.
    listed(LATER, (1001, "RENAMED BIO INC", "EXMP", "Nasdaq"))
    assert (Company.objects.get().name, CompanyAlias.objects.count()) == ("RENAMED BIO INC", 2)
    assert Security.objects.count() == 1


def test_moved_ticker_closes_one_range_and_opens_another(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    outcome = listed(LATER, (1002, SAMPLE[1], "EXMP", "NYSE"), SAMPLE)
    assert outcome.row("securities") == (1, 1, 1, 0)
    assert "1 moved to another company" in outcome.out
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER), (1002, "active", LATER, None)]


def test_companies_can_swap_tickers(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    listed(LATER, (1001, EXAMPLE[1], "SMPL", "Nasdaq"), (1002, SAMPLE[1], "EXMP", "NYSE"))
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER), (1002, "active", LATER, None)]
    assert ranges("SMPL") == [(1002, "delisted", FIRST, LATER), (1001, "active", LATER, None)]


def test_vanished_ticker_is_delisted_and_can_return(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    outcome = listed(LATER, SAMPLE)
    assert "1 tickers vanished and were delisted" in outcome.out
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER)]
    back = LATER + timedelta(days=30)
    listed(back, EXAMPLE, SAMPLE)
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER), (1001, "active", back, None)]
    assert CompanySecurity.objects.count() == Security.objects.count() == 3


def test_correction_on_the_same_day_leaves_an_empty_range(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    listed(FIRST, (1002, SAMPLE[1], "EXMP", "NYSE"), SAMPLE)
    assert ranges("EXMP") == [(1001, "delisted", None, None), (1002, "active", FIRST, None)]
    assert Security.objects.get(cik=1001).effective_range.isempty


def test_changed_exchange_is_updated(listed: Any) -> None:
    listed(FIRST, EXAMPLE)
    outcome = listed(LATER, (*EXAMPLE[:3], "NYSE"))
    assert outcome.row("securities") == (0, 1, 0, 0)
    assert Security.objects.get().exchange.code == "NYSE"


def test_earlier_list_is_rejected(listed: Any) -> None:
    listed(FIRST, EXAMPLE)
    listed(LATER, EXAMPLE)
    outcome = listed(LATER - timedelta(days=1), SAMPLE)
    assert outcome.code == 2
    assert f"The list of {LATER} is already loaded" in outcome.message
    assert Security.objects.count() == 1


def test_future_list_is_rejected(listed: Any) -> None:
    outcome = listed(timezone.localdate() + timedelta(days=2), EXAMPLE)
    assert outcome.code == 2
    assert "is in the future" in outcome.message
    assert not Security.objects.exists()


def test_invalid_date_is_rejected(listed: Any) -> None:
    outcome = listed("tomorrow", EXAMPLE)
    assert outcome.code != 0
    assert "'tomorrow' is not a date" in outcome.message


def test_list_that_delists_more_than_a_quarter_needs_an_option(load: Load, listed: Any, tmp_path: Path) -> None:
    many: list[Row] = [(number, f"Company {number}", f"T{number}", "NYSE") for number in range(1, 61)]
    listed(FIRST, *many)
    assert listed(FIRST, *many[:45]).code == 0
    listed(FIRST, *many)
    outcome = listed(LATER, *many[:44])
    assert outcome.code == 2
    assert outcome.message == (
        "The list would delist 16 of 60 listed tickers. If it is complete, load it with --allow-delisting 16."
    )
    moved: list[Row] = [(cik + 100, name, ticker, code) for cik, name, ticker, code in many[:20]]
    assert "would delist 20 of 60" in listed(LATER, *moved, *many[20:]).message
    assert listed(LATER, *many[:44], allow_delisting=15).code == 2
    assert Security.objects.filter(status="active").count() == 60
    assert listed(LATER, *many[:44], allow_delisting=16).code == 0
    assert Security.objects.filter(status="active").count() == 44


BB: Row = (2, "Bb Corp", "BB", "NYSE")


@pytest.mark.parametrize(
    "row",
    [
        '"CIK2",Bb Corp,BB,NYSE', "2,Bb Corp,B B,NYSE", "0000000002,,,NYSE", "2,Bb Corp,BB,NYSE,more", '2,"Bb Corp,BB',
        "2,,bb,NYSE", "2,\x00,BB,NYSE", "nothing of it",
    ],
)  # fmt: skip
def test_ticker_of_a_rejected_row_stays_as_it_is(load: Load, listed: Any, tmp_path: Path, row: str) -> None:
    listed(FIRST, (1, "Aa Corp", "AA", "NYSE"), BB)
    before = Security.objects.filter(ticker="BB").values().get()
    path = tmp_path / "list.csv"
    path.write_text(f"cik,name,ticker,exchange\n{row}\n1,Aa Corp,AA,NYSE\n")
    outcome = load("sec_tickers", path, as_of=LATER)
    assert outcome.code == 3
    assert "1 tickers stay listed, because rows that may name them were rejected" in outcome.out
    assert Security.objects.filter(ticker="BB").values().get() == before


def test_row_of_a_new_ticker_that_is_rejected_keeps_no_other(load: Load, listed: Any, tmp_path: Path) -> None:
    listed(FIRST, (1, "Aa Corp", "AA", "NYSE"), BB)
    path = as_csv(tmp_path / "list.csv", (1, "Aa Corp", "AA", "NYSE"), ("x", "New", "NEW", "NYSE"))
    assert load("sec_tickers", path, as_of=LATER).code == 3
    assert ranges("BB") == [(2, "delisted", FIRST, LATER)]


REAL = 200


@pytest.mark.parametrize("suffix", ["json", "csv", "json.gz", "csv.gz"])
def test_list_that_is_cut_or_damaged_changes_nothing(load: Load, listed: Any, tmp_path: Path, suffix: str) -> None:
    many: list[Row] = [(number, f"Company {number}", f"T{number}", "NYSE") for number in range(1, REAL)]
    listed(FIRST, *many)
    before = list(Security.objects.values()), list(Company.objects.values())
    write = as_json if suffix.startswith("json") else as_csv
    whole = write(tmp_path / "whole", *many, (5000, "New", "NEW", "NYSE")).read_bytes()
    for share in (0.6, 0.9, 0.99):
        data = gzip.compress(whole) if suffix.endswith("gz") else whole
        data = data[: int(len(data) * share)]
        path = tmp_path / f"list.{suffix}"
        path.write_bytes(data)
        outcome = load("sec_tickers", path, as_of=LATER)
        assert outcome.code == 2, share
        assert "cut or damaged" in outcome.message
    assert before == (list(Security.objects.values()), list(Company.objects.values()))


def test_company_that_registers_again_is_the_successor(listed: Any) -> None:
    listed(FIRST, (1403752, "Zymeworks Inc.", "ZYME", "NYSE"), SAMPLE)
    listed(LATER, (1937653, "Zymeworks Inc.", "ZYME", "Nasdaq"), SAMPLE)
    (succession,) = CompanyRelationship.objects.all()
    assert (succession.parent_company.cik, succession.child_company.cik) == (1937653, 1403752)
    assert (succession.rel_type, succession.start_date, succession.end_date) == ("predecessor", LATER, None)


def other_security(ticker: str, **fields: Any) -> Security:
    """Create a security of another source and company."""
    company, _ = Company.objects.get_or_create(cik=77, defaults={"name": "Elsewhere Ltd", "name_norm": "elsewhere"})
    exchange = Exchange.objects.get(code="NYSE")
    return Security.objects.create(
        **{
            "company": company,
            "exchange": exchange,
            "ticker": ticker,
            "ticker_norm": ticker,
            "effective_range": (date(2020, 1, 1), None),
            **fields,
        }
    )


def test_securities_of_other_sources_are_kept(listed: Any) -> None:
    other = other_security("ELSE")
    listed(FIRST, EXAMPLE)
    listed(LATER, EXAMPLE)
    assert Security.objects.get(pk=other.pk).status == "active"


def test_ticker_of_another_company_from_another_source_is_rejected(listed: Any) -> None:
    other_security("EXMP")
    outcome = listed(FIRST, EXAMPLE, SAMPLE)
    assert outcome.code == 3
    assert "ticker EXMP belongs to Elsewhere Ltd according to another source" in outcome.err
    assert outcome.row("securities") == (1, 0, 0, 1)
    assert [one[1] for one in ranges("EXMP")] == ["active"]


def test_ticker_of_the_same_company_from_another_source_is_kept(listed: Any) -> None:
    other_security("ELSE")
    outcome = listed(FIRST, (77, "Elsewhere Ltd", "ELSE", "Nasdaq"))
    assert outcome.row("securities") == (0, 0, 1, 0)
    assert Security.objects.get().exchange.code == "NYSE"


def test_former_ticker_of_another_source_opens_a_new_range(listed: Any) -> None:
    other_security("EXMP", status="delisted", effective_range=(date(2020, 1, 1), date(2021, 1, 1)))
    listed(FIRST, EXAMPLE)
    assert [(status, lower) for _, status, lower, _ in ranges("EXMP")] == [
        ("delisted", date(2020, 1, 1)),
        ("active", FIRST),
    ]


lists = st.lists(
    st.dictionaries(st.sampled_from(["A", "B", "C", "D"]), st.sampled_from([1, 2, 3]), min_size=1),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=lists)
def test_active_tickers_follow_the_last_list(listed: Any, history: list[dict[str, int]]) -> None:
    """Each ticker is active as in the last list, and its history matches every list."""
    CompanySecurity.objects.all().delete()
    Security.objects.all().delete()
    from signals.models import IngestRun

    IngestRun.objects.all().delete()
    for week, tickers in enumerate(history):
        rows: list[Row] = [(cik, f"Company {cik}", ticker, "NYSE") for ticker, cik in tickers.items()]
        assert listed(FIRST + timedelta(weeks=week), *rows).code == 0
    active = Security.objects.filter(status="active").values_list("ticker", "cik")
    assert dict(active) == history[-1]
    assert len(active) == len(history[-1])
    for week, tickers in enumerate(history):
        day = FIRST + timedelta(weeks=week)
        then = Security.objects.filter(effective_range__contains=day).values_list("ticker", "cik")
        assert sorted(then) == sorted(tickers.items())
    assert CompanySecurity.objects.count() == Security.objects.count()
