"""List of trials by risk: rows, order, pages, queries and permissions."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from securities.models import CompanyRelationship
from tests.factories import make_company, make_trial, make_user
from tests.signals.trials.conftest import (
    BEFORE,
    LATEST,
    fire_gate,
    fire_signal,
    list_ticker,
    score,
    scored_trial,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


ALL = "/trials/?filter=none"


def listed(client: Client, query: str = "?filter=none") -> list[str]:
    """The numbers of the trials of a page, from top to bottom; all trials, unless a query is given."""
    page = client.get(f"/trials/{query}")
    assert page.status_code == 200, text_of(page)
    return [row.trial.nct_id for row in page.context["page"].rows]


def test_a_row_shows_trial_sponsor_readout_and_probability(ana: Client) -> None:
    company = make_company(name="Brobdingnag Biologics Corp.", cik=1234567)
    list_ticker(company, "ZQBRB")
    trial = make_trial(
        nct_id="NCT00000001",
        sponsor_company=company,
        phase="PHASE2/PHASE3",
        est_primary_completion_date=timezone.localdate() + timedelta(days=15),
    )
    score(trial, "0.95", BEFORE)
    score(trial, "0.992")
    fire_gate(trial, "G1")
    fire_gate(trial, "G2", fired=False)
    for code, severity in (("S1", "L"), ("S2", "H"), ("S3", "M"), ("S4", "M"), ("S8", "L")):
        fire_signal(trial, code, severity)
    page = ana.get(ALL)
    words = text_of(page)
    day = trial.est_primary_completion_date
    assert f"NCT00000001 Brobdingnag Biologics Corp. ZQBRB Phase 2/3 pivotal Psoriasis {day} in 15 days G1" in words
    assert "S2 H high S3 M medium S4 M medium +2 99.2 % ▲ rose by +4.2 points" in words
    html = page.content.decode()
    assert 'href="/trials/NCT00000001/"' in html
    assert 'title="G1 Alpha-Meltdown"' in html
    assert 'title="S1 primary endpoint changed, low; S8 p-value on the cusp, low"' in html
    assert '<span class="badge gate" title="G2' not in html


def test_unknown_values_are_shown_as_unknown(ana: Client) -> None:
    make_trial(nct_id="NCT00000001", phase=None, indication=None, sponsor_text=None, is_pivotal=False)
    assert "NCT00000001 unknown unknown unknown unknown not evaluated not evaluated not scored" in text_of(ana.get(ALL))


def test_nothing_fired_is_distinguished_from_nothing_evaluated(ana: Client) -> None:
    every = [f"S{number}" for number in range(1, 10)]
    silent: dict[str, Any] = {"signals": {}, "late": [], "gates": {}}
    score(make_trial(nct_id="NCT00000001"), "0.9", metadata=silent | {"not_fired": [], "not_evaluated": every})
    score(make_trial(nct_id="NCT00000002"), "0.8", metadata=silent | {"not_fired": ["S7"], "not_evaluated": every[:6]})
    # A run without record of signals shows neither.
    score(make_trial(nct_id="NCT00000003"), "0.7")
    for query in ("?filter=none", f"?run={LATEST}"):
        rows = text_of(ana.get(f"/trials/{query}")).split("NCT0000000")[1:]
        assert "not evaluated not evaluated 90.0 %" in rows[0]
        assert "none none 80.0 %" in rows[1]
        assert "none none 70.0 %" in rows[2]


def test_a_signal_after_the_freeze_is_listed_as_late(ana: Client) -> None:
    trial = make_trial(nct_id="NCT00000001")
    fire_signal(trial, "S1", "H")
    fire_signal(trial, "S8", "L")
    score(trial, "0.9", metadata={"signals": {"S8": "L"}, "late": ["S1"], "not_fired": [], "not_evaluated": []})
    for query in ("?filter=none", f"?run={LATEST}"):
        page = ana.get(f"/trials/{query}")
        assert "S8 L low S1 late 90.0 %" in text_of(page)
        late = 'title="S1 primary endpoint changed: fired after the feature freeze, not counted"'
        assert late in page.content.decode()


def test_near_certain_is_not_rounded_to_certain(ana: Client) -> None:
    for number, p_fail in enumerate(("0.99966", "0.9994", "0.0005", "0.00034", "0"), start=1):
        scored_trial(f"NCT0000000{number}", p_fail)
    shown = re.findall(r'class="number">(\S+ %)</strong>', ana.get(ALL).content.decode())
    assert shown == ["99.966 %", "99.9 %", "0.050 %", "0.034 %", "0.0 %"]


def test_a_score_that_is_only_the_prior_is_hollow(ana: Client) -> None:
    prior, gated, stopped = (make_trial(nct_id=f"NCT0000000{number}") for number in (1, 2, 3))
    score(prior, "0.42", prior_pi=Decimal("0.42"), sum_log_lr=Decimal(0))
    score(gated, "0.42", prior_pi=Decimal("0.30"), sum_log_lr=Decimal("0.52"))
    score(stopped, "0.97", prior_pi=Decimal("0.42"), sum_log_lr=Decimal(0))
    for query in ("?filter=none", f"?run={LATEST}"):
        html = ana.get(f"/trials/{query}").content.decode()
        bars = {
            row.partition("<")[0]: (
                re.findall(r'class="risk( is-prior)?"', row),
                re.findall(r'class="value (\S+)"', row),
            )
            for row in html.partition("<tbody>")[2].split("NCT")[1:]
            if row[8] == "<"
        }
        assert bars == {
            "00000003": ([""], ["risk-5"]),
            "00000001": ([" is-prior"], ["risk-2"]),
            "00000002": ([""], ["risk-2"]),
        }


def test_the_riskiest_come_first_and_those_without_a_score_last(ana: Client) -> None:
    make_trial(nct_id="NCT00000004")
    scored_trial("NCT00000003", "0.1")
    scored_trial("NCT00000001", "0.98")
    scored_trial("NCT00000002", "0.5")
    assert listed(ana) == ["NCT00000001", "NCT00000002", "NCT00000003", "NCT00000004"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("risk", "2 3 1 4"),
        ("-risk", "1 3 2"),
        ("change", "3 2 1 4"),
        ("-change", "1 2 3"),
        ("readout", "3 1 2 4"),
        ("-readout", "2 1 3"),
        ("number", "1 2 3 4"),
        ("-number", "4 3 2 1"),
    ],
)
def test_each_order_sorts_by_its_column(ana: Client, sort: str, order: str) -> None:
    today = timezone.localdate()
    for number, before, now, days in ((1, "0.5", "0.2", 20), (2, "0.9", "0.9", 30), (3, "0.1", "0.6", 10)):
        trial = make_trial(nct_id=f"NCT0000000{number}", est_primary_completion_date=today + timedelta(days=days))
        score(trial, before, BEFORE)
        score(trial, now)
    make_trial(nct_id="NCT00000004")
    assert listed(ana, f"?filter=none&order={sort}") == [f"NCT0000000{number}" for number in order.split()]


def test_headings_sort_and_show_the_order(ana: Client) -> None:
    scored_trial("NCT00000001")
    page = ana.get("/trials/?phase=PHASE3&sort=change&page=1").content.decode()
    assert 'aria-sort="descending"><a href="?phase=PHASE3&amp;order=-change">Change' in page
    assert '<a href="?phase=PHASE3&amp;order=risk" data-then="?phase=PHASE3&amp;order=change,risk">P(failure)' in page
    page = ana.get("/trials/?phase=PHASE3&order=readout,change").content.decode()
    assert 'aria-sort="ascending"><a href="?phase=PHASE3&amp;order=-readout">Readout' in page
    assert "<sup>1</sup>" in page
    assert '<sup>2</sup></span><span class="visually-hidden">second sort key</span>' in page
    assert '<option value="readout" selected>' in page
    assert '<option value="change" selected>' in page


def test_a_first_score_is_new_and_an_equal_one_is_no_change(ana: Client) -> None:
    scored_trial("NCT00000001", "0.5")
    assert "50.0 % new" in text_of(ana.get(ALL))
    trial = scored_trial("NCT00000002", "0.6")
    score(trial, "0.6", BEFORE)
    assert "60.0 % 0.0 no change" in text_of(ana.get(ALL))


def test_a_score_of_an_earlier_run_names_the_run(ana: Client) -> None:
    scored_trial("NCT00000001", "0.5")
    score(make_trial(nct_id="NCT00000002"), "0.4", BEFORE)
    words = text_of(ana.get(ALL))
    assert f"40.0 % in {BEFORE} new" in words
    assert f"in {LATEST}" not in words


def test_a_small_change_is_not_rounded_to_none(ana: Client) -> None:
    trial = make_trial()
    score(trial, "0.5", BEFORE)
    score(trial, "0.5005")
    assert "rose by +0.050 points" in text_of(ana.get(ALL))


def test_tickers_of_the_company_at_the_top_count_too(ana: Client) -> None:
    top, child = make_company(name="Top Holdings"), make_company(name="Child Pharma")
    CompanyRelationship.objects.create(parent_company=top, child_company=child)
    list_ticker(top, "TOPH")
    list_ticker(child, "GONE", status="delisted")
    scored_trial("NCT00000001", sponsor_company=child)
    page = ana.get(ALL)
    assert "Child Pharma TOPH (parent)" in text_of(page)
    assert 'title="TOPH of Top Holdings, the parent"' in page.content.decode()
    assert "GONE" not in text_of(page)


def test_tickers_are_those_of_the_database_s_own_view(ana: Client) -> None:
    companies = [make_company() for _ in range(4)]
    for above, below in ((0, 1), (1, 2), (3, 2)):
        CompanyRelationship.objects.create(parent_company=companies[above], child_company=companies[below])
    for number, company in enumerate(companies):
        list_ticker(company, f"TK{number}")
    scored_trial("NCT00000001", sponsor_company=companies[2])
    (row,) = ana.get(ALL).context["page"].rows
    assert [one.ticker for one in row.tickers] == ["TK2", "TK0"]


def test_an_identifier_from_elsewhere_is_no_ticker(ana: Client) -> None:
    company = make_company()
    company.security_links.create(security_id="US0378331005")
    company.security_links.create(security_id="99999999999999999999")
    scored_trial("NCT00000001", sponsor_company=company)
    assert listed(ana) == ["NCT00000001"]


def test_the_number_of_queries_does_not_grow_with_the_rows(
    ana: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            company = make_company()
            list_ticker(company, f"T{number}")
            trial = scored_trial(f"NCT{number:08}", sponsor_company=company)
            fire_gate(trial, "G1")
            fire_signal(trial, "S1")

    add(range(5))
    ana.get(ALL)
    # Session, person, two for permissions, runs, the page, its trials, tickers, gates with signals, tiles.
    with django_assert_num_queries(10):
        ana.get(ALL)
    add(range(5, 55))
    with django_assert_num_queries(10):
        page = ana.get(ALL)
    assert len(page.context["page"].rows) == 50
    # One more, to look the texts up.
    with django_assert_num_queries(11):
        ana.get("/trials/?q=company&sponsor=company&ticker=T7")
    # Gates and signals stand in the scores themselves, and there is no run before.
    with django_assert_num_queries(9):
        ana.get(f"/trials/?run={LATEST}")


def test_pages_lead_to_each_other_with_the_filter(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ncfd_site.core.lists.PAGE_SIZE", 1)
    for number in range(1, 4):
        scored_trial(f"NCT0000000{number}", f"0.{number}")
    page = ana.get("/trials/?phase=PHASE3&page=2")
    assert [row.trial.nct_id for row in page.context["page"].rows] == ["NCT00000002"]
    html = page.content.decode()
    assert 'rel="prev" href="?phase=PHASE3&amp;page=1"' in html
    assert 'rel="next" href="?phase=PHASE3&amp;page=3"' in html
    assert "Rows 2 to 2 of 3" in text_of(page)
    assert "Go to the first page" in text_of(ana.get("/trials/?page=9"))


def test_a_second_key_orders_equal_rows(ana: Client) -> None:
    today = timezone.localdate()
    for number, p_fail, days in ((1, "0.5", 20), (2, "0.9", 30), (3, "0.6", 10), (4, "0.7", 20)):
        day = today + timedelta(days=days)
        scored_trial(f"NCT0000000{number}", p_fail, est_primary_completion_date=day)
    for order, found in (("readout,risk", "3412"), ("readout,-risk", "3142"), ("-readout,risk", "2413")):
        assert listed(ana, f"?filter=none&order={order}") == [f"NCT0000000{number}" for number in found]


def test_equal_probabilities_are_ordered_by_signals_then_by_the_next_readout(
    ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = timezone.localdate()
    for number, days, signals in ((1, -9, 0), (2, 30, 0), (3, 10, 0), (4, 40, 1), (5, 50, 2)):
        day = today + timedelta(days=days)
        trial = scored_trial(f"NCT0000000{number}", est_primary_completion_date=day)
        for signal in range(signals):
            fire_signal(trial, f"S{signal + 1}")
    assert listed(ana) == [f"NCT0000000{number}" for number in "54321"]
    # In a long list, only an index has the order.
    monkeypatch.setattr("signals.trials.queries.COUNT_LIMIT", 4)
    assert listed(ana) == [f"NCT0000000{number}" for number in "12345"]


def test_the_default_is_pivotal_trials_of_listed_sponsors_that_read_out(ana: Client) -> None:
    today = timezone.localdate()
    listed_company, child, private = make_company(), make_company(), make_company()
    list_ticker(listed_company, "ZQA")
    CompanyRelationship.objects.create(parent_company=listed_company, child_company=child)
    list_ticker(private, "GONE", status="delisted")
    ahead: dict[str, Any] = {"est_primary_completion_date": today, "sponsor_company": listed_company}
    others: list[dict[str, Any]] = [
        {"is_pivotal": False}, {"status": "TERMINATED"}, {"est_primary_completion_date": today - timedelta(days=1)},
        {"est_primary_completion_date": None}, {"sponsor_company": None}, {"sponsor_company": private},
        {"status": None}, {"status": "SUSPENDED"}, {"sponsor_company": child},
    ]  # fmt: skip
    for number, fields in enumerate(others, start=1):
        scored_trial(f"NCT0000000{number}", **(ahead | fields))
    assert listed(ana, "") == ["NCT00000007", "NCT00000008", "NCT00000009"]
    # An order alone is no filter.
    assert listed(ana, "?order=-number") == ["NCT00000009", "NCT00000008", "NCT00000007"]
    page = ana.get("/trials/?order=-number")
    words, html = text_of(page), page.content.decode()
    for chip in ("pivotal", "not finished", "readout ahead", "sponsor listed"):
        assert f"{chip} ✕: remove this filter" in words
    assert '<a class="chip" href="?status=active&amp;ahead=yes&amp;listed=yes&amp;order=-number">pivotal' in html
    assert '<a href="?filter=none&amp;order=-number">All trials</a>' in html
    assert len(listed(ana, "?filter=none")) == 9
    assert "Default filters" in text_of(ana.get("/trials/?filter=none"))


def test_the_number_of_trials_and_of_priors_is_stated(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, prior in ((1, "0.42"), (2, "0.42"), (3, "0.3")):
        score(make_trial(nct_id=f"NCT0000000{number}"), "0.42", prior_pi=Decimal(prior), sum_log_lr=Decimal(0))
    make_trial(nct_id="NCT00000004")
    for query, count in (("?filter=none", "4 trials."), ("?band=25&q=NCT", "3 trials.")):
        page = ana.get(f"/trials/{query}")
        assert f"{count} 2 of the scores are only the prior of the phase" in text_of(page)
        assert f"of {count[0]} Shortcuts" in text_of(page)
    monkeypatch.setattr("signals.trials.queries.COUNT_LIMIT", 2)
    monkeypatch.setattr("ncfd_site.core.lists.COUNT_LIMIT", 2)
    words = text_of(ana.get(ALL))
    assert "more than 2 trials. 2 of the 4 scores on this page are only the prior" in words


def test_a_stop_rule_is_shown_and_leads_to_its_source(ana: Client) -> None:
    rule = {"rule": "open_label_subjective", "description": "an unblinded endpoint", "p_fail_at_least": 0.97}
    score(make_trial(nct_id="NCT00000001"), "0.97", metadata={"stop_rules": [rule]})
    scored_trial("NCT00000002", "0.98")
    for query in ("?stop=open_label_subjective", f"?run={LATEST}&stop=open_label_subjective"):
        assert listed(ana, query) == ["NCT00000001"]
        html = ana.get(f"/trials/{query}").content.decode()
        assert (
            '#stop-open_label_subjective" title="Stop rule: an unblinded endpoint">stop: open label subjective' in html
        )
        assert "stop rule: open label subjective ✕: remove this filter" in text_of(ana.get(f"/trials/{query}"))
    assert 'id="stop-open_label_subjective"' in ana.get("/trials/NCT00000001/").content.decode()


def test_tiles_count_the_trials_that_match_and_link_to_them(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, p_fail in enumerate(("0.97", "0.99", "0.96999", "0.75", "0.5", "0.49999"), start=1):
        scored_trial(f"NCT0000000{number}", p_fail)
    make_trial(nct_id="NCT00000007")
    scored_trial("NCT00000008", "0.97", is_pivotal=False)
    page = ana.get("/trials/?pivotal=yes")
    assert [(tile.band.words, tile.count) for tile in page.context["counts"].tiles] == [
        ("97 % and more", 2),
        ("75 % to under 97 %", 2),
        ("50 % to under 75 %", 1),
        ("25 % to under 50 %", 1),
        ("under 25 %", 0),
        ("not scored", 1),
    ]
    assert f"Latest run {LATEST} as of" in text_of(page)
    assert '<a href="?band=97&amp;pivotal=yes"><strong>2</strong>' in page.content.decode()
    # The other bands stay, and the number of the chosen one leads back.
    page = ana.get(f"/trials/?run={LATEST}&pivotal=yes&band=75")
    assert [tile.count for tile in page.context["counts"].tiles] == [2, 2, 1, 1, 0, 0]
    assert f'<a href="?pivotal=yes&amp;run={LATEST}" aria-current="true"><strong>2</strong>' in page.content.decode()
    monkeypatch.setattr("signals.trials.queries.COUNT_LIMIT", 1)
    monkeypatch.setattr("ncfd_site.core.lists.COUNT_LIMIT", 1)
    assert [tile.count for tile in ana.get("/trials/?pivotal=yes").context["counts"].tiles] == [2, 2, 1, 1, 0, 1]


def test_an_empty_page_names_the_command_that_fills_it(ana: Client) -> None:
    assert "No trials yet. manage.py load_ctgov" in text_of(ana.get(ALL))
    make_trial(nct_id="NCT00000001")
    words = text_of(ana.get(ALL))
    assert "Trials by risk No scores yet" in words
    assert "manage.py score_trials --run-id" in words
    assert "NCT00000001" in words
    assert "No trials match this filter: Phase 1, found by" not in words
    words = text_of(ana.get("/trials/?phase=PHASE1&q=nothing"))
    assert "No trials match this filter: search: nothing, Phase 1." in words
    assert "Clear filters to see all trials" in words


@pytest.mark.parametrize("role", list(Role))
def test_every_group_may_read_it(client: Client, role: Role) -> None:
    scored_trial("NCT00000001")
    client.force_login(make_user(role))
    answer = client.get("/trials/")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert client.get("/trials/compare/").status_code == 200


@pytest.mark.parametrize("address", ["/trials/", "/trials/compare/"])
def test_a_user_without_group_sees_the_missing_permission(client: Client, address: str) -> None:
    client.force_login(make_user(None))
    refused = client.get(address)
    assert refused.status_code == 403
    assert "needs the permission signals.view_score, which guest does not have" in text_of(refused)


@pytest.mark.parametrize("address", ["/trials/", "/trials/compare/"])
def test_a_stranger_signs_in_first(client: Client, address: str) -> None:
    assert client.get(address)["Location"].startswith("/accounts/login/?next=")
    assert client.post(address).status_code in (302, 405)
