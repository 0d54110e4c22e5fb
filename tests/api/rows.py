"""Rows for the tests of the API."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ncfd_site.core import sql
from securities.models import Company, Exchange, Security
from signals.models import Gate, Score, Signal, SignalEvaluation, Trial, TrialVersion
from tests.factories import make_company, make_trial

START = datetime(2026, 6, 1, tzinfo=UTC)


def make_score(trial: Trial, p_fail: str = "0.50000", run: str = "run-1", days: int = 0, **fields: Any) -> Score:
    """Create a score without gates; `days` also separates runs."""
    return Score.objects.create(
        **{
            "trial": trial,
            "run_id": run,
            "prior_pi": Decimal("0.50000"),
            "logit_prior": Decimal(0),
            "sum_log_lr": Decimal(0),
            "logit_post": Decimal(0),
            "p_fail": Decimal(p_fail),
            "scored_at": START + timedelta(days=days),
            "metadata": {},
            **fields,
        }
    )


def make_explained_trial() -> Trial:
    """Create a trial with a listed sponsor, a signal, a gate and scores."""
    company = make_listed_company("ZQX")
    trial = make_trial(nct_id="NCT01234567", sponsor_company=company, est_primary_completion_date="2027-01-31")
    Signal.objects.create(trial=trial, s_id="S1", severity="H", evidence_span="The endpoint was changed.")
    Gate.objects.create(trial=trial, g_id="G1", fired_bool=True, supporting_s_ids=["S1"], lr_used=Decimal(4))
    SignalEvaluation.objects.create(
        trial=trial, s_id="S7", outcome="not fired", reason="It is randomized.", evidence={"arms": 2}, evaluated_by="x"
    )
    make_score(trial, "0.40000", "run-1", metadata={"gates": {}})
    make_score(
        trial,
        "0.80000",
        "run-2",
        days=7,
        sum_log_lr=Decimal("1.386294"),
        logit_post=Decimal("1.386294"),
        metadata={"table_version": "2026-11", "gates": {"G1": {"lr_used": 4.0}}, "signals": {"S1": "H"}},
    )
    return trial


def make_listed_company(ticker: str, **fields: Any) -> Company:
    """Create a company with a linked active security."""
    company = make_company(**fields)
    exchange, _ = Exchange.objects.get_or_create(code="NASDAQ", defaults={"name": "Nasdaq"})
    security = Security.objects.create(
        company=company,
        exchange=exchange,
        ticker=ticker,
        ticker_norm=ticker,
        effective_range=("2020-01-01", None),
    )
    sql.execute(
        "INSERT INTO company_securities (company_id, security_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [company.pk, str(security.pk)],
    )
    return company


def make_version(trial: Trial, record: dict[str, Any], days: int = 0) -> TrialVersion:
    """Create a version of a registry record."""
    return TrialVersion.objects.create(
        trial=trial, captured_at=START + timedelta(days=days), raw_jsonb=record, sha256=f"{days:064}"
    )
