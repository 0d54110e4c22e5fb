"""Trials with scores of two runs, and ana who looks at them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from ncfd_site.core.roles import Role
from securities.models import Company, CompanySecurity, Exchange, Security
from signals.models import Gate, Score, Signal, Trial
from tests.factories import make_trial, make_user

BEFORE, LATEST = "week-47", "week-48"
MOMENTS = {
    "week-46": datetime(2026, 11, 12, 4, tzinfo=UTC),
    BEFORE: datetime(2026, 11, 19, 4, tzinfo=UTC),
    LATEST: datetime(2026, 11, 26, 4, tzinfo=UTC),
}


@pytest.fixture
def ana(client: Client) -> Client:
    """The browser of ana, who analyses."""
    client.force_login(make_user(Role.ANALYST))
    return client


def score(trial: Trial, p_fail: str, run_id: str = LATEST, **fields: Any) -> Score:
    """Score a trial in a run."""
    return Score.objects.create(
        **{
            "trial": trial,
            "run_id": run_id,
            "prior_pi": Decimal("0.42"),
            "logit_prior": 0,
            "sum_log_lr": 0,
            "logit_post": 0,
            "p_fail": Decimal(p_fail),
            "scored_at": MOMENTS.get(run_id, MOMENTS[BEFORE] - timedelta(days=30)),
            "metadata": {},
            **fields,
        }
    )


def fire_gate(trial: Trial, code: str, fired: bool = True) -> Gate:
    """Insert a gate that fired for a trial, or did not."""
    return Gate.objects.create(trial=trial, g_id=code, fired_bool=fired, lr_used=5 if fired else None)


def fire_signal(trial: Trial, code: str, severity: str = "H") -> Signal:
    """Insert a signal that fired for a trial."""
    return Signal.objects.create(trial=trial, s_id=code, severity=severity)


def list_ticker(company: Company, ticker: str, **fields: Any) -> Security:
    """List a company's security under a ticker, and link it as the pipelines do."""
    exchange, _ = Exchange.objects.get_or_create(code="NASDAQ", defaults={"name": "Nasdaq"})
    security = Security.objects.create(
        **{
            "company": company,
            "exchange": exchange,
            "ticker": ticker,
            "ticker_norm": ticker.upper(),
            "effective_range": (MOMENTS[BEFORE].date(), None),
            **fields,
        }
    )
    CompanySecurity.objects.create(company=company, security_id=str(security.pk))
    return security


def scored_trial(nct_id: str, p_fail: str = "0.5", **fields: Any) -> Trial:
    """Make a trial with a score of the latest run."""
    trial = make_trial(nct_id=nct_id, **fields)
    score(trial, p_fail)
    return trial
