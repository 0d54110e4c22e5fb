"""Explanations of scores: keyboard, phone and print."""

import re

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from signals.models import Study, Trial
from storage.models import Document
from tests.browser.conftest import find_faults, require_width, sign_in
from tests.factories import POSTED, make_company, make_document, make_link_audit, make_study, make_trial, make_user
from tests.signals.explanation.rows import (
    make_gates,
    make_score,
    make_signal,
    make_version,
    registry_record,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WHY = "/trials/NCT00000001/"
LONG = "a-name-that-does-not-end-" * 6


@pytest.fixture
def study() -> Study:
    """The study behind the signals of a scored trial, and ana."""
    make_user(Role.ANALYST)
    trial: Trial = make_trial(
        nct_id="NCT00000001", sponsor_company=make_company(name=LONG), sponsor_text=LONG, indication=LONG
    )
    document: Document = make_document("text", source_url=f"https://example.com/{LONG}")
    study = make_study(trial=trial, extracted_jsonb={"source": {"doc_id": document.pk, "quote": LONG}})
    for code in ("S1", "S2"):
        make_signal(trial, code, source_study=study, evidence_span=LONG * 3, metadata={"doc_id": document.pk})
    make_gates(trial, {"G1": "5"})
    make_score(trial, run="weekly 0", scored_at=POSTED)
    make_score(trial, {"G1": "5"}, run=LONG[:50])
    make_version(trial, registry_record(f"A Study of {LONG}"))
    make_version(trial, registry_record(f"A Study of {LONG}", endpoint="Progression-free survival"), 30)
    make_link_audit(nct_id=trial.nct_id, heuristic_applied=LONG)
    return study


def test_a_step_leads_to_its_study_card_and_document(page: Page, study: Study) -> None:
    sign_in(page, "ana", WHY)
    page.locator(".explanation-waterfall td a", has_text=re.compile("^S1$")).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#signal-s1$"))
    # The next link after the row of the signal is its study card.
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Study card: Paper of 2024").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Paper of 2024 on NCT00000001")
    document = page.get_by_role("link", name=re.compile(r"^Document \d+$"))
    for _ in range(60):
        page.keyboard.press("Tab")
        if document.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/storage/document/\d+/change/$"))


def test_a_run_is_chosen_by_keyboard(page: Page, study: Study) -> None:
    sign_in(page, "ana", WHY)
    page.get_by_label("Run", exact=True).focus()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?run=weekly"))
    expect(page.locator("main")).to_contain_text("No gate fired: the score is the prior of phase 3 (42.0 %).")
    page.locator(".explanation-history table").get_by_role("link", name=LONG[:50]).press("Enter")
    expect(page.locator("main")).to_contain_text("latest run,")


def test_two_versions_are_compared_from_the_list(page: Page, study: Study) -> None:
    sign_in(page, "ana", WHY)
    page.get_by_role("link", name="Registry record: 2 versions").press("Enter")
    page.get_by_role("link", name=re.compile("^with the previous")).press("Enter")
    expect(page.locator(".side.before del").first).to_have_text("Overall")
    expect(page.locator(".side.after ins").first).to_have_text("Progression-free")


def test_pages_fit_the_window(page: Page, study: Study) -> None:
    sign_in(page, "ana", WHY)
    for address in (WHY, f"{WHY}record/", f"/studies/{study.pk}/"):
        page.goto(address)
        for summary in page.locator("main summary").all():
            summary.click()
        for width in (1280, 640, 360):
            require_width(page, width)
            small = page.evaluate(
                """() => [...document.querySelectorAll("main :is(button, select, summary, input)")]
                    .filter((element) => element.offsetParent && element.getBoundingClientRect().height < 24)
                    .map((element) => element.outerHTML)"""
            )
            assert small == [], (address, width)


def test_texts_and_bars_stay_within_their_chart(page: Page, study: Study) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, "ana", WHY)
    outside = page.evaluate(
        """() => [...document.querySelectorAll("figure :is(text, rect, circle.point)")].filter((drawn) =>
            drawn.getBoundingClientRect().right > drawn.closest("svg").getBoundingClientRect().right + 2
            || drawn.getBoundingClientRect().left < drawn.closest("svg").getBoundingClientRect().left - 2)
            .map((drawn) => drawn.outerHTML)"""
    )
    assert outside == []


def test_bars_are_as_wide_as_their_log_odds(page: Page, study: Study) -> None:
    sign_in(page, "ana", WHY)
    prior, gate = (
        page.locator(f".waterfall rect.{kind}").evaluate("bar => bar.getBoundingClientRect().width")
        for kind in ("prior", "gate")
    )
    assert gate / prior == pytest.approx(1.6094 / 0.3228, rel=0.05)


def test_no_page_has_a_serious_fault(measured_page: Page, study: Study) -> None:
    sign_in(measured_page, "ana", WHY)
    found = []
    for address in (WHY, f"{WHY}?run=weekly+0", f"{WHY}record/", f"/studies/{study.pk}/", "/trials/NCT99999999/"):
        measured_page.goto(address)
        found += find_faults(measured_page)
    assert found == []


def test_print_has_charts_and_no_controls(page: Page, study: Study) -> None:
    sign_in(page, "ana", WHY)
    page.emulate_media(media="print")
    expect(page.locator(".waterfall svg")).to_be_visible()
    expect(page.locator(".history svg")).to_be_visible()
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()
    expect(page.locator("#header")).to_be_hidden()
