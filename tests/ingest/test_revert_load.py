"""Reverting of loads: every row of every table is as before."""

from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Model

from securities.models import (
    ActiveUSSecurity,
    Company,
    CompanyAlias,
    CompanyRelationship,
    CompanySecurity,
    Exchange,
    Security,
)
from signals.models import IngestRun
from tests import factories
from tests.ingest.conftest import Load
from tests.ingest.lists import EXAMPLE, SAMPLE, Row, as_csv

pytestmark = pytest.mark.django_db
TABLES: list[type[Model]] = [
    Company, CompanyAlias, CompanyRelationship, CompanySecurity, Exchange, Security, ActiveUSSecurity
]  # fmt: skip
FIRST, LATER, LAST = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)
OLD: list[Row] = [EXAMPLE, SAMPLE, (3, "Gone Inc", "GONE", "NYSE"), (4, "Again Inc.", "AGN", "NYSE"),
                  (5, "Swap A", "SWA", "NYSE"), (6, "Swap B", "SWB", "NYSE")]  # fmt: skip
NEW: list[Row] = [
    (1001, "Renamed Bio", "EXMP", "OTC"), (1001, "Renamed Bio", "EXMPW", "OTC"), (1002, "Sample", "SMPX", None),
    (44, "Again Inc.", "AGN", "NYSE"), (5, "Swap A", "SWB", "NYSE"), (6, "Swap B", "SWA", "NYSE"),
    (7, "New Corp", "NEWC", "ELSE"),
]  # fmt: skip


def read() -> list[list[dict[str, Any]]]:
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


@pytest.fixture(name="listed")
def loads_a_list(load: Load, tmp_path: Path) -> Any:
    """Return a function that loads rows as of a day, and returns the run."""

    def run(as_of: date, rows: list[Row]) -> int:
        assert load("sec_tickers", as_csv(tmp_path / "list.csv", *rows), as_of=as_of).code == 0
        return IngestRun.objects.latest("pk").pk

    return run


def revert(run: int) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("revert_load", str(run), "--actor", "olga", stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_loads_are_reverted_exactly_and_last_first(listed: Any) -> None:
    empty = read()
    first = listed(FIRST, OLD)
    before = read()
    second = listed(LATER, NEW)
    after = read()
    assert [one != two for one, two in zip(before, after, strict=True)] == [True] * len(TABLES)
    third = listed(LAST, OLD)
    assert revert(second) == (5, f"Run {third} is later and builds on run {second}. Revert it first.")
    assert revert(third)[0] == 0
    assert read() == after
    code, text = revert(second)
    assert (code, "securities: 12 rows as before" in text) == (0, True), text
    assert read() == before
    run = IngestRun.objects.get(pk=second)
    assert (run.until_date, "reverted" in str(run.notes), "by olga: list of 2024-02-01" in str(run.notes)) == (
        None, True, True
    )  # fmt: skip
    assert revert(second) == (5, f"Run {second} is reverted already.")
    # The same list, and an older one, can be loaded again.
    listed(FIRST + timedelta(days=1), NEW)
    assert revert(IngestRun.objects.latest("pk").pk)[0] == 0
    assert revert(first)[0] == 0
    assert read() == empty


def test_load_that_others_build_on_is_kept(listed: Any) -> None:
    listed(FIRST, [EXAMPLE])
    run = listed(LATER, [EXAMPLE, SAMPLE])
    trial = factories.make_trial(sponsor_company_id=Company.objects.get(cik=1002).pk)
    before = read()
    code, message = revert(run)
    assert code == 5
    assert message == f"1 rows of trials refer to companies that run {run} added. Revert or delete those first."
    assert read() == before
    trial.delete()
    Security.objects.filter(ticker="SMPL").update(currency="EUR", updated_at="2100-01-01T00:00:00Z")
    assert revert(run) == (5, f"SMPL (securities) was changed after run {run}. Restore a backup instead.")
    assert revert(99_999)[1].startswith("Run 99999 is no load of tickers or aliases.")
