"""Filters of trials by risk: each by what is listed, together, as chips, and what cannot be read."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from securities.models import CompanyRelationship
from signals.models import Trial
from signals.trials import search
from tests.factories import make_asset, make_company, make_link_audit, make_trial
from tests.signals.trials.conftest import (
    fire_gate,
    fire_signal,
    list_ticker,
    scored_trial,
)
from tests.signals.trials.test_list import listed
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

ONE, TWO, THREE = "NCT01000001", "NCT01000002", "NCT02000003"


@pytest.fixture
def three() -> list[Trial]:
    """Three trials that differ in all that can be filtered; the second has a company, the third no score."""
    today = timezone.localdate()
    company = make_company(name="Lilliput Therapeutics Inc", name_norm="lilliput therapeutics", cik=77)
    company.aliases.create(alias="Mildendo Labs", alias_norm="mildendo labs", alias_type="former_name")
    list_ticker(company, "LIL.A")
    one = scored_trial(ONE, "0.98", sponsor_text="Royal Institute of Blefuscu", est_primary_completion_date=today)
    two = scored_trial(
        TWO, "0.6", phase="PHASE2", is_pivotal=False, status="COMPLETED", sponsor_company=company,
        sponsor_text="LT (formerly ML)", est_primary_completion_date=today + timedelta(days=120),
    )  # fmt: skip
    three = make_trial(nct_id=THREE, phase=None, status="", sponsor_text="Example Therapeutics")
    fire_gate(one, "G1")
    fire_gate(two, "G2")
    fire_gate(two, "G1", fired=False)
    fire_signal(one, "S1")
    fire_signal(two, "S7")
    make_link_audit(nct_id=ONE, asset=make_asset("Tinyvra", "LLP-101"))
    make_link_audit(nct_id=TWO, asset=make_asset("Colossyx"), label=False)
    return [one, two, three]


FILTERS: list[tuple[str, list[str]]] = [
    ("phase=PHASE2", [TWO]),
    ("phase=none", [THREE]),
    ("status=COMPLETED", [TWO]),
    ("status=something", []),
    ("status=none", [THREE]),
    ("gate=G1", [ONE]),
    ("gate=G4", []),
    ("gate=any", [ONE, TWO]),
    ("signal=S7", [TWO]),
    ("ticker=lil.a", [TWO]),
    ("ticker=LIL", []),
    ("sponsor=royal+inst", [ONE]),
    ("sponsor=lilliput", [TWO]),
    ("sponsor=Mildendo", [TWO]),
    ("sponsor=77", [TWO]),
    ("sponsor=78", []),
    ("sponsor=%25", []),
    ("band=97", [ONE]),
    ("band=75", []),
    ("band=50", [TWO]),
    ("band=0", []),
    ("band=none", [THREE]),
    ("pivotal=yes", [ONE, THREE]),
    ("pivotal=no", [TWO]),
    ("phase=PHASE2&phase=none", [TWO, THREE]),
    ("band=97&band=none", [ONE, THREE]),
    ("gate=G1&gate=G2", [ONE, TWO]),
    ("signal=S1&signal=S7", [ONE, TWO]),
    ("status=active", [ONE, THREE]),
    ("status=COMPLETED&status=none", [TWO, THREE]),
    ("stop=per_protocol_only", []),
    ("ahead=yes", [ONE, TWO]),
    ("listed=yes", [TWO]),
    ("risk_from=60", [ONE, TWO]),
    ("risk_from=10&risk_to=60.5", [TWO]),
    ("within=0", [ONE]),
    ("within=119", [ONE]),
    ("within=120", [ONE, TWO]),
    ("within=90", [ONE]),
    ("within=180", [ONE, TWO]),
    ("q=NCT01000002", [TWO]),
    ("q=nct01", [ONE, TWO]),
    ("q=01000002", [TWO]),
    ("q=NCT+01000002", [TWO]),
    ("q=nct-0100", [ONE, TWO]),
    ("q=https%3A%2F%2Fclinicaltrials.gov%2Fstudy%2FNCT01000002%3Frank%3D1", [TWO]),
    ("q=NCT01000001%2C+NCT02000003", [ONE, THREE]),
    ("q=NCT010000023", []),
    ("q=%D9%A0%D9%A1%D9%A0%D9%A0%D9%A0%D9%A0%D9%A0%D9%A2", []),
    ("q=NCT", [ONE, TWO, THREE]),
    ("q=blefuscu", [ONE]),
    ("q=therapeutics", [THREE]),
    ("q=Lilliput+Therapeutics%2C+Inc.", [TWO]),
    ("q=mildendo", [TWO]),
    ("q=LIL.A", [TWO]),
    ("q=tinyv", [ONE]),
    ("q=llp-101", [ONE]),
    ("q=colossyx", []),
    ("q='%5C%26%7C!:*", []),
    ("q=x'+%5C", []),
    ("gate=any&phase=PHASE2&pivotal=&signal=S7&band=50&within=180&ticker=LIL.A&sponsor=lilliput&q=LT", [TWO]),
    ("gate=G1&signal=S7", []),
]


@pytest.mark.parametrize("few", [search.FEW, 0], ids=["rare words", "frequent words"])
def test_a_filter_leaves_the_matching_trials(
    ana: Client, three: list[Trial], few: int, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    for query, found in FILTERS:
        with subtests.test(query):
            assert listed(ana, f"?{query}") == found


def test_words_that_are_rare_among_the_riskiest_alone_still_find_all_trials(
    ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "TRIED", 1)
    monkeypatch.setattr(search, "FEW", 1)
    monkeypatch.setattr(search, "MOST_TRIALS", 2)
    scored_trial("NCT09000001", "0.9", sponsor_text="Brobdingnag")
    numbers = [f"NCT0100000{number}" for number in range(4)]
    for number in numbers:
        assert listed(ana, "?q=lilli") == [one for one in numbers if one < number]
        scored_trial(number, "0.5", sponsor_text="Lilliput Therapeutics")
    assert listed(ana, "?sponsor=lilli") == numbers


def test_a_window_has_both_ends(ana: Client, three: list[Trial]) -> None:
    today = timezone.localdate()
    last = today + timedelta(days=120)
    assert listed(ana, f"?from={today}&to={today}") == [ONE]
    assert listed(ana, f"?from={last}") == [TWO]
    assert listed(ana, f"?to={today - timedelta(days=1)}") == []
    assert listed(ana, f"?within=365&to={last - timedelta(days=1)}") == [ONE]


def test_the_ticker_of_a_parent_finds_the_trials_of_its_children(ana: Client, three: list[Trial]) -> None:
    top, child = make_company(name="Gulliver Holdings", name_norm="gulliver holdings"), three[1].sponsor_company
    assert child is not None
    CompanyRelationship.objects.create(parent_company=top, child_company=child)
    list_ticker(top, "GULL")
    assert listed(ana, "?ticker=GULL") == [TWO]
    assert listed(ana, "?q=gull") == [TWO]
    assert "GULL (parent)" in text_of(ana.get("/trials/?ticker=GULL"))


def test_a_drug_that_was_promoted_is_found_without_a_claim(ana: Client, three: list[Trial]) -> None:
    three[2].asset_links.create(
        asset=make_asset("Gigantumab"), how="HP-1", confidence="0.9", link_source="test", status="active"
    )
    assert listed(ana, "?q=gigantumab") == [THREE]


def test_each_active_filter_is_a_chip_that_takes_it_away(ana: Client, three: list[Trial]) -> None:
    page = ana.get("/trials/?phase=PHASE2&gate=G2&sort=-risk&from=2026-01-01&pivotal=&page=1")
    html, words = page.content.decode(), text_of(page)
    assert '<a class="chip" href="?gate=G2&amp;from=2026-01-01&amp;order=-risk">Phase 2' in html
    assert '<a class="chip" href="?phase=PHASE2&amp;gate=G2&amp;order=-risk">readout from 2026-01-01' in html
    html = ana.get("/trials/?phase=PHASE2&phase=none").content.decode()
    assert '<a class="chip" href="?phase=none">Phase 2' in html
    assert '<a class="chip" href="?phase=PHASE2">phase unknown' in html
    assert '<a class="chip" href="?filter=none">Phase 2' in ana.get("/trials/?phase=PHASE2").content.decode()
    assert "gate G2 fired ✕: remove this filter" in words
    assert "pivotal ✕" not in words
    assert "Default filters" in words
    assert "remove this filter" not in text_of(ana.get("/trials/?filter=none"))
    assert "Default filters" not in text_of(ana.get("/trials/"))


def test_every_status_of_the_registry_can_be_chosen(ana: Client, three: list[Trial]) -> None:
    page = ana.get("/trials/?status=none")
    html = page.content.decode()
    for status in ("RECRUITING", "WITHDRAWN", "AVAILABLE", "APPROVED_FOR_MARKETING"):
        assert f'<input type="checkbox" name="status" value="{status}">' in html
    assert html.count('<input type="checkbox" name="status" value="none" checked> none known') == 1
    assert "no status known ✕: remove this filter" in text_of(page)


def test_the_filter_stays_in_the_form_and_opens_what_is_folded(ana: Client, three: list[Trial]) -> None:
    page = ana.get("/trials/?phase=PHASE2&status=ODD_ONE&ticker=x&from=2026-01-01").content.decode()
    assert '<input type="checkbox" name="phase" value="PHASE2" checked>' in page
    assert '<summary aria-label="Phase: Phase 2">Phase 2</summary>' in page
    assert '<option value="readout" selected>' in ana.get("/trials/?order=readout").content.decode()
    assert 'value="2026-01-01"' in page
    assert '<details class="more-filters">' in page
    assert '<details class="more-filters" open>' in ana.get("/trials/?risk_from=x").content.decode()


INVALID = [
    "band=x", "sort=password", "page=0", "page=x", "page=999999", "q=%00", "q=" + "a" * 10_000, "phase=x", "gate=x",
    "signal=S0", "from=yesterday", "to=2026-13-01", "from=2026-02-01&to=2026-01-01", "within=x", "within=-1",
    "stop=x", "ahead=maybe", "listed=no", "risk_from=101", "risk_from=60&risk_to=50",
    "order=x", "order=risk,change,readout", "phase=PHASE2&phase=x", "run=%00",
    "run=nothing", "run=" + "r" * 500, "ticker=%00", "status=%00", "sponsor=%00", "pivotal=maybe",
]  # fmt: skip


def test_an_invalid_filter_shows_an_error_and_lists_nothing(
    ana: Client, three: list[Trial], subtests: pytest.Subtests
) -> None:
    for query in INVALID:
        with subtests.test(query):
            page = ana.get(f"/trials/?{query}")
            assert page.status_code == 400
            words = text_of(page)
            assert "Invalid filter" in words
            assert ONE not in words
            assert "Clear filters" in words


@pytest.mark.parametrize("query", ["q=%F0%9F%98%80", "q=%", "q=%ff", "sponsor=0", "ticker=''--", "unknown=1", "q=+"])
def test_odd_texts_are_read_as_texts(ana: Client, three: list[Trial], query: str) -> None:
    assert ana.get(f"/trials/?{query}").status_code == 200
