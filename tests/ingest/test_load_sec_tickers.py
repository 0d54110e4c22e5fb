"""Loading of the SEC's ticker list into companies, exchanges and securities."""

from datetime import date
from pathlib import Path

import pytest

from securities.models import ActiveUSSecurity, Company, CompanySecurity, Exchange, Security
from signals.models import IngestRun
from tests.ingest.conftest import Load
from tests.ingest.lists import (
    EXAMPLE,
    SAMPLE,
    Row,
    as_csv,
    as_json,
)

pytestmark = pytest.mark.django_db
SEC_ROW = '{"cik_str":%s,"ticker":"%s","title":"%s"}'


@pytest.mark.parametrize("write", [as_csv, as_json])
def test_list_creates_companies_and_securities(load: Load, tmp_path: Path, write: type) -> None:
    path = write(tmp_path / ("list.csv" if write is as_csv else "list.json"), EXAMPLE, SAMPLE)
    outcome = load("sec_tickers", path, as_of="2024-01-15")
    assert outcome.code == 0
    assert outcome.row("companies") == outcome.row("securities") == (2, 0, 0, 0)
    company = Company.objects.get(cik=1002)
    assert (company.name, company.name_norm) == ("SAMPLE BIO CORP /DE/", "sample bio")
    security = Security.objects.get(ticker="SMPL")
    assert security.company == company
    assert (security.status, security.type, security.cik) == ("active", "common", 1002)
    assert (security.effective_range.lower, security.effective_range.upper) == (date(2024, 1, 15), None)
    assert CompanySecurity.objects.filter(company=company, security_id=str(security.security_id)).count() == 1


def test_company_can_have_several_tickers(load: Load, tmp_path: Path) -> None:
    load("sec_tickers", as_csv(tmp_path / "list.csv", EXAMPLE, (1001, EXAMPLE[1], "EXMPW", "Nasdaq")))
    assert Company.objects.get().securities.count() == 2
    assert CompanySecurity.objects.count() == 2


def test_exchanges_match_without_case_and_new_ones_are_not_allowed(load: Load, tmp_path: Path) -> None:
    known = Exchange.objects.count()
    rows: list[Row] = [
        (number, f"Company {number}", f"T{number}", code)
        for number, code in enumerate(["Nasdaq", "NASDAQ", "nyse", "OTC", "otc", None, " "], start=1)
    ]
    outcome = load("sec_tickers", as_csv(tmp_path / "list.csv", *rows))
    assert outcome.row("exchanges") == (2, 0, 2, 0)
    assert Exchange.objects.count() == known + 2
    codes = dict(Security.objects.values_list("ticker", "exchange__code"))
    assert codes == {
        "T1": "NASDAQ",
        "T2": "NASDAQ",
        "T3": "NYSE",
        "T4": "OTC",
        "T5": "OTC",
        "T6": "UNKNOWN",
        "T7": "UNKNOWN",
    }
    assert set(Exchange.objects.filter(is_allowed=False).values_list("code", "name")) == {
        ("OTC", "OTC"),
        ("UNKNOWN", "Not stated"),
    }


def test_view_of_active_securities_is_refreshed(load: Load, tmp_path: Path) -> None:
    load("sec_tickers", as_csv(tmp_path / "list.csv", EXAMPLE, (5, "Other", "OTHR", "OTC")))
    assert list(ActiveUSSecurity.objects.values_list("ticker", "exchange_code")) == [("EXMP", "NASDAQ")]


@pytest.mark.parametrize(
    ("ticker", "kind"),
    [
        ("EXMP", "common"),
        ("EXMP-A", "common"),
        ("EXMP-PA", "preferred"),
        ("EXMP-P", "preferred"),
        ("EXMP-WT", "warrant"),
        ("EXMP-UN", "unit"),
        ("EXMP-RI", "right"),
        ("EXMPW", "common"),
    ],
)
def test_security_type_follows_the_ticker_suffix(load: Load, tmp_path: Path, ticker: str, kind: str) -> None:
    load("sec_tickers", as_csv(tmp_path / "list.csv", (1, "Example", ticker, "NYSE")))
    assert Security.objects.get().type == kind


def test_ticker_case_does_not_matter(load: Load, tmp_path: Path) -> None:
    load("sec_tickers", as_csv(tmp_path / "list.csv", (1, "Example", "exmp", "NYSE")))
    load("sec_tickers", as_csv(tmp_path / "list.csv", (1, "Example", "EXMP", "NYSE")))
    assert [(one.ticker, one.ticker_norm) for one in Security.objects.all()] == [("exmp", "EXMP")]


def test_invalid_rows_are_rejected_by_line_and_the_rest_is_loaded(load: Load, tmp_path: Path) -> None:
    path = as_csv(
        tmp_path / "list.csv",
        EXAMPLE,
        ("", "No number", "NONE", "NYSE"),
        ("0", "Zero", "ZERO", "NYSE"),
        ("12345678901", "Too large", "LARGE", "NYSE"),
        (7, "", "NAME", "NYSE"),
        (8, "No ticker", "", "NYSE"),
        (9, "Blank inside", "A B", "NYSE"),
        (10, "x" * 400, "LONG", "NYSE"),
        (11, "Twice", "EXMP", "NYSE"),
        SAMPLE,
    )
    outcome = load("sec_tickers", path)
    assert outcome.code == 3
    assert outcome.row("securities") == (2, 0, 0, 8)
    assert set(Security.objects.values_list("ticker", flat=True)) == {"EXMP", "SMPL"}
    assert Company.objects.count() == 2
    for number in range(3, 11):
        assert f"{path}, line {number}: " in outcome.err
    assert "ticker EXMP is already on line 2" in outcome.err


def test_invalid_json_rows_are_rejected_by_record_number(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(
        '{"fields": ["cik", "name", "ticker", "exchange"],\n"data": [[1, "Example", "EXMP", null],\n[2, "Short"],'
        ' [3, "Number", 5, "NYSE"], {"cik": 4}, [true, "True", "TRUE", "NYSE"],\n["0000000006", "Six", "SIX", "NYSE"]]}'
    )
    outcome = load("sec_tickers", path)
    assert outcome.code == 3
    assert outcome.row("securities") == (2, 0, 0, 4)
    assert f"{path}, line 3, record 2: expected a list of 4 values" in outcome.err
    assert set(Company.objects.values_list("cik", flat=True)) == {1, 6}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "ticker,name\nEXMP,Example\n"),
        ("list.csv", ""),
        ("list.json", '{"0": {"cik_str": 1, "ticker": "EXMP"}}'),
        ("list.json", '[[1, "Example", "EXMP", "NYSE"]]'),
        ("list.json", '{"fields": ["cik", "name"], "data": [[1, "Example"]]}'),
        ("list.json", "no json"),
        ("list.json", ""),
        ("list.csv", "cik,name,ticker,exchange\n"),
    ],
)
def test_another_format_is_rejected(load: Load, tmp_path: Path, name: str, text: str) -> None:
    load("sec_tickers", as_csv(tmp_path / "before.csv", EXAMPLE), as_of="2024-01-01")
    path = tmp_path / name
    path.write_text(text)
    outcome = load("sec_tickers", path)
    assert outcome.code == 2
    assert outcome.message.count("\n") == 0
    assert Security.objects.get().status == "active"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", f'{{"0":{SEC_ROW % (1, "ONE", "One Inc.")},\n"1":{SEC_ROW % (2, "TWO", "Two")}}}'),
        ("list.json", '[{"CIK": "1", "Ticker": "ONE", "Name": "One Inc."},{"CIK": 2, "TICKER": "TWO", "name": "Two"}]'),
        ("list.json", '{"data": [[1, "One Inc.", "ONE"], [2, "Two", "TWO"]], "fields": ["cik", "name", "ticker"]}'),
        ("list.csv", "\ufeff\n\nCIK;Name;Ticker\n1;One Inc.;ONE\n2;Two;TWO\n"),
        ("list.csv", "ticker\tcik_str\ttitle\nONE\t1\tOne Inc.\nTWO\t2\tTwo"),
    ],
)  # fmt: skip
def test_variants_of_the_list_are_loaded_and_keep_known_exchanges(
    load: Load, tmp_path: Path, name: str, text: str
) -> None:
    load("sec_tickers", as_csv(tmp_path / "before.csv", (1, "One Inc.", "ONE", "Nasdaq")), as_of="2024-01-01")
    (tmp_path / name).write_text(text)
    outcome = load("sec_tickers", tmp_path / name)
    assert (outcome.code, outcome.row("companies"), outcome.row("securities")) == (0, (1, 0, 1, 0), (1, 0, 1, 0))
    assert list(Security.objects.order_by("cik").values_list("cik", "ticker", "exchange__code")) == [
        (1, "ONE", "NASDAQ"), (2, "TWO", "UNKNOWN")
    ]  # fmt: skip
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_text(text)
    assert load("data", folder).row("securities") == (0, 0, 2, 0)


def test_base_ticker_and_company_prove_the_type(load: Load, tmp_path: Path) -> None:
    load("sec_tickers", as_csv(tmp_path / "list.csv", (1, "Huma", "HUMAW", "Nasdaq")), as_of="2024-01-01")
    assert Security.objects.get().type == "common"
    tickers = {
        "HUMA": "common", "HUMAW": "warrant", "HUMAU": "unit", "HUMAR": "right", "HUMAP": "preferred",
        "HUMAL": "common", "HUM": "common", "HUMBW": "warrant",
    }  # fmt: skip
    rows: list[Row] = [(1, "Huma", ticker, "Nasdaq") for ticker in tickers]
    rows += [(2, "Snow", "SNO", "NYSE"), (3, "Snow White", "SNOW", "NYSE")]
    assert load("sec_tickers", as_csv(tmp_path / "list.csv", *rows)).code == 0
    assert dict(Security.objects.values_list("ticker", "type")) == {**tickers, "SNO": "common", "SNOW": "common"}


def test_missing_file_is_rejected(load: Load, tmp_path: Path) -> None:
    outcome = load("sec_tickers", tmp_path / "none.csv")
    assert (outcome.code, outcome.message) == (2, f"There is no file {tmp_path / 'none.csv'}.")


def test_run_is_recorded(load: Load, tmp_path: Path) -> None:
    load("sec_tickers", as_csv(tmp_path / "list.csv", EXAMPLE, ("x", "Bad", "BAD", "NYSE")), as_of="2024-01-15")
    run = IngestRun.objects.get()
    assert (run.source, run.total_returned, run.total_processed, run.until_date) == (
        "sec_tickers",
        2,
        1,
        date(2024, 1, 15),
    )
    assert run.finished_at is not None
