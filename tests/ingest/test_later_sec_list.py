"""Later ticker lists: changed names, and tickers that move, vanish and return."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securities.models import Company, CompanyAlias, CompanySecurity, Exchange, Security
from tests.ingest.conftest import Load
from tests.ingest.lists import (
    EXAMPLE,
    SAMPLE,
    Row,
    as_csv,
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


def test_list_without_most_tickers_needs_an_option(load: Load, listed: Any, tmp_path: Path) -> None:
    many: list[Row] = [(number, f"Company {number}", f"T{number}", "NYSE") for number in range(1, 31)]
    listed(FIRST, *many)
    outcome = listed(LATER, *many[:10])
    assert outcome.code == 2
    assert "20 of 30" in outcome.message
    assert "--allow-mass-delisting" in outcome.message
    assert Security.objects.filter(status="active").count() == 30
    path = as_csv(tmp_path / "list.csv", *many[:10])
    assert load("sec_tickers", path, "--allow-mass-delisting", as_of=LATER).code == 0
    assert Security.objects.filter(status="active").count() == 10


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
