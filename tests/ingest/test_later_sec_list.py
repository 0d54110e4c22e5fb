"""A later list of tickers: names change, tickers move, vanish and come back, and nothing is doubled."""

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
    """Load rows as of a day."""

    def run(as_of: date, *rows: Row, **options: Any) -> Any:
        return load("sec_tickers", as_csv(tmp_path / "list.csv", *rows), as_of=as_of, **options)

    return run


def ranges(ticker: str) -> list[tuple[int, str, date | None, date | None]]:
    """CIK, status, first day and day after the last of every security of a ticker."""
    found = Security.objects.filter(ticker_norm=ticker).order_by("security_id")
    return [(one.cik or 0, one.status, one.effective_range.lower, one.effective_range.upper) for one in found]


def test_the_same_list_again_leaves_everything(listed: Any) -> None:
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


def test_a_new_name_is_taken_and_the_former_one_kept(listed: Any) -> None:
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


def test_a_ticker_that_moves_closes_one_range_and_opens_the_other(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    outcome = listed(LATER, (1002, SAMPLE[1], "EXMP", "NYSE"), SAMPLE)
    assert outcome.row("securities") == (1, 1, 1, 0)
    assert "1 moved to another company" in outcome.out
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER), (1002, "active", LATER, None)]


def test_two_companies_may_swap_tickers(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    listed(LATER, (1001, EXAMPLE[1], "SMPL", "Nasdaq"), (1002, SAMPLE[1], "EXMP", "NYSE"))
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER), (1002, "active", LATER, None)]
    assert ranges("SMPL") == [(1002, "delisted", FIRST, LATER), (1001, "active", LATER, None)]


def test_a_ticker_that_vanishes_is_delisted_and_may_come_back(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    outcome = listed(LATER, SAMPLE)
    assert "1 tickers vanished and were delisted" in outcome.out
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER)]
    back = LATER + timedelta(days=30)
    listed(back, EXAMPLE, SAMPLE)
    assert ranges("EXMP") == [(1001, "delisted", FIRST, LATER), (1001, "active", back, None)]
    assert CompanySecurity.objects.count() == Security.objects.count() == 3


def test_a_correction_on_the_same_day_leaves_an_empty_range(listed: Any) -> None:
    listed(FIRST, EXAMPLE, SAMPLE)
    listed(FIRST, (1002, SAMPLE[1], "EXMP", "NYSE"), SAMPLE)
    assert ranges("EXMP") == [(1001, "delisted", None, None), (1002, "active", FIRST, None)]
    assert Security.objects.get(cik=1001).effective_range.isempty


def test_another_exchange_is_taken_over(listed: Any) -> None:
    listed(FIRST, EXAMPLE)
    outcome = listed(LATER, (*EXAMPLE[:3], "NYSE"))
    assert outcome.row("securities") == (0, 1, 0, 0)
    assert Security.objects.get().exchange.code == "NYSE"


def test_an_earlier_list_is_refused(listed: Any) -> None:
    listed(FIRST, EXAMPLE)
    listed(LATER, EXAMPLE)
    outcome = listed(LATER - timedelta(days=1), SAMPLE)
    assert outcome.code == 2
    assert f"as of {LATER} is loaded already" in outcome.said
    assert Security.objects.count() == 1


def test_a_list_of_the_future_is_refused(listed: Any) -> None:
    outcome = listed(timezone.localdate() + timedelta(days=2), EXAMPLE)
    assert outcome.code == 2
    assert "lies in the future" in outcome.said
    assert not Security.objects.exists()


def test_a_date_that_is_none_is_told(listed: Any) -> None:
    outcome = listed("tomorrow", EXAMPLE)
    assert outcome.code != 0
    assert "'tomorrow' is no date" in outcome.said


def test_a_list_that_lacks_most_tickers_is_refused_unless_allowed(load: Load, listed: Any, tmp_path: Path) -> None:
    many: list[Row] = [(number, f"Company {number}", f"T{number}", "NYSE") for number in range(1, 31)]
    listed(FIRST, *many)
    outcome = listed(LATER, *many[:10])
    assert outcome.code == 2
    assert "20 of 30" in outcome.said
    assert "--allow-mass-delisting" in outcome.said
    assert Security.objects.filter(status="active").count() == 30
    path = as_csv(tmp_path / "list.csv", *many[:10])
    assert load("sec_tickers", path, "--allow-mass-delisting", as_of=LATER).code == 0
    assert Security.objects.filter(status="active").count() == 10


def other_security(ticker: str, **fields: Any) -> Security:
    """A security of another source and company."""
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


def test_securities_of_other_sources_are_left_alone(listed: Any) -> None:
    other = other_security("ELSE")
    listed(FIRST, EXAMPLE)
    listed(LATER, EXAMPLE)
    assert Security.objects.get(pk=other.pk).status == "active"


def test_a_ticker_that_another_source_gave_to_another_company_is_refused(listed: Any) -> None:
    other_security("EXMP")
    outcome = listed(FIRST, EXAMPLE, SAMPLE)
    assert outcome.code == 3
    assert "ticker EXMP belongs to Elsewhere Ltd, by another source" in outcome.err
    assert outcome.row("securities") == (1, 0, 0, 1)
    assert [one[1] for one in ranges("EXMP")] == ["active"]


def test_a_ticker_that_another_source_gave_to_the_same_company_is_left(listed: Any) -> None:
    other_security("ELSE")
    outcome = listed(FIRST, (77, "Elsewhere Ltd", "ELSE", "Nasdaq"))
    assert outcome.row("securities") == (0, 0, 1, 0)
    assert Security.objects.get().exchange.code == "NYSE"


def test_a_ticker_whose_dates_ended_elsewhere_begins_anew(listed: Any) -> None:
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
def test_whatever_the_lists_say_the_last_one_is_what_is_active(listed: Any, history: list[dict[str, int]]) -> None:
    """Every ticker is active for the company of the last list, and on each day of a list it was what that list said."""
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
