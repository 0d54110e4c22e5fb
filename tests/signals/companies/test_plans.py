"""Query plans of these pages: they use the indexes that keep them fast with a million trials."""

from typing import Any

import pytest
from django.utils import timezone

from ncfd_site.core import sql
from securities.queries import listings
from signals.companies import listing, queries, risk
from tests import plans
from tests.factories import make_company
from tests.signals.companies.listed import make_scored_trial, make_security

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_tables_are_read_like_large_ones() -> None:
    plans.empty_tables()
    company = make_company()
    make_security("ABC", company)
    make_scored_trial(company, "0.98000")
    plans.disable("seqscan", "bitmapscan")


def plan(query: str, keys: dict[str, Any]) -> str:
    """The plan of a query, as a text of lines."""
    return "\n".join(line["QUERY PLAN"] for line in sql.rows(f"EXPLAIN {query}", keys, of=dict[str, str]))


def test_the_riskiest_trials_are_read_in_the_order_of_their_index_without_a_look_at_trials() -> None:
    found = plan(risk._RANKED, {"least": 0, "most": risk.RISKIEST, "at_risk": "0.75"})
    assert "Index Only Scan using ix_trial_current_scores_p_fail" in found
    assert " on trials" not in found
    found = plan(queries._RISKIEST, {"searched": queries.MAX_SEARCHED, "limit": 50})
    assert "using ix_trial_current_scores_no_company" in found


def test_the_trials_of_companies_are_counted_in_one_index_and_their_next_readout_is_found_in_another() -> None:
    keys = {"companies": [1], "today": timezone.localdate(), "most": 5, "at_risk": "0.75"}
    found = plan(risk._SUMMARIES, keys)
    assert found.count("using ix_trial_current_scores_company") == 2
    assert "using ix_trials_sponsor_company" in found


def test_the_trials_of_a_company_are_found_by_their_sponsor() -> None:
    keys = {"companies": [1], "today": timezone.localdate(), "most": 5, "shown": 5, "next": 5}
    keys |= {"finished": ["COMPLETED"], "only_ahead": True}
    assert "using ix_trials_sponsor_company" in plan(risk._EXPOSURE, keys)


def test_the_first_page_of_companies_is_read_in_the_order_of_their_names() -> None:
    query = (
        f"SELECT c.company_id FROM companies c WHERE {listing._WITH_TRIALS} ORDER BY {listing._ORDERS['name']} LIMIT 51"
    )
    found = plan(query, {})
    assert "using idx_companies_name_norm" in found
    assert "using ix_trial_current_scores_company" in found


def test_links_of_companies_and_securities_are_followed_by_keys() -> None:
    found = plan(listings._OF_TICKER, {"spellings": ["ABC"]})
    # That of equal or of prefixed tickers.
    assert "_securities_ticker" in found
    assert "company_securities_security_id_idx" in found
