"""Every page in every width: no overflow, no violation of the policy, whole rows as targets."""

import re

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from securities.models import Company, CompanySecurity, ReviewQueueItem
from signals.models import StagingError, Trial, TrialVersion
from tests.admin.rows import make_security
from tests.browser.conftest import require_width, sign_in
from tests.factories import make_asset, make_company, make_document, make_link_audit, make_study, make_trial, make_user
from tests.signals.explanation.rows import (
    LATEST,
    make_gates,
    make_score,
    make_signal,
    registry_record,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a-name-that-does-not-end-" * 8


def _long_trial() -> tuple[Trial, Company]:
    company = make_company(name=LONG)
    security = make_security(company=company, ticker=LONG[:20], ticker_norm=LONG[:20].upper())
    CompanySecurity.objects.create(company=company, security_id=str(security.pk))
    trial = make_trial(sponsor_text=LONG, sponsor_company=company, indication=LONG, status=LONG, phase=LONG)
    for number in range(2):
        record = registry_record(title=LONG, endpoint=f"{LONG} {number}")
        TrialVersion.objects.create(trial=trial, captured_at=LATEST, raw_jsonb=record, sha256=f"{number:064}")
    ratios = {"G1": "5.0", "G2": "3.0"}
    for run in ("weekly 1", LONG[:50]):
        make_score(trial, ratios, run=run)
    make_gates(trial, ratios)
    make_signal(trial, "S1", evidence_span=LONG)
    StagingError.objects.create(trial=trial, error_type=LONG, error_message=LONG, extracted_jsonb={LONG: LONG})
    waiting = {"run_id": LONG, "nct_id": trial.nct_id, "sponsor_text": LONG, "reason": LONG}
    ReviewQueueItem.objects.create(**waiting, candidates=[{"name": LONG}])
    return trial, company


@pytest.fixture
def addresses() -> list[str]:
    """Return the URLs of all pages, with rows that are wider than any window."""
    make_user(Role.ADJUDICATOR)
    document = make_document(LONG, source_url=f"https://example.com/{LONG}", publisher=LONG)
    audit = make_link_audit(asset=make_asset(LONG), doc=document, evidence_jsonb={LONG: [{LONG: LONG}]}, label=True)
    make_link_audit(heuristic_applied=LONG, doc=document)
    sql.value("SELECT draw_review_sample(%s, 1, 1, 'precision', 1, 'olga')", [LONG])
    disputed = make_link_audit(doc=document, asset=make_asset(LONG.replace("a-name", "another")))
    sql.value("SELECT record_link_review(%s, 'unsure', %s, 'queue', %s)", [disputed.pk, LONG, LONG])
    trial, company = _long_trial()
    make_study(trial=trial, extracted_jsonb={LONG: [{LONG: LONG}]}, citation=LONG, url=f"https://example.com/{LONG}")
    return [
        "/",
        f"/search/?q={LONG[:20]}",
        "/trials/",
        f"/trials/?sponsor={LONG[:90]}&q={LONG[:90]}",
        f"/trials/?run={LONG[:50]}",
        "/trials/compare/",
        f"/trials/{trial.nct_id}/",
        f"/trials/{trial.nct_id}/record/",
        f"/studies/{trial.studies.get().pk}/",
        "/companies/",
        f"/companies/{company.cik}/",
        f"/tickers/{LONG[:20]}/",
        "/sponsors/",
        "/errors/",
        "/tokens/",
        "/api/v1/",
        "/links/?label=any",
        "/links/?q=nothing",
        f"/links/{audit.pk}/",
        "/heuristics/",
        f"/heuristics/{LONG}/",
        "/review/",
        "/review/shortcuts/",
        "/adjudication/",
        f"/adjudication/{disputed.pk}/",
        "/agreement/",
        "/admin/",
    ]


WIDTHS = (1280, 910, 640, 360)


@pytest.mark.parametrize("half", [0, 1])
def test_pages_fit_the_window(page: Page, addresses: list[str], half: int) -> None:
    sign_in(page, "adam")
    for address in addresses[half::2]:
        page.goto(address)
        require_width(page, *WIDTHS)


@pytest.fixture
def drifted() -> None:
    """A schema that requires manual action, with names and details that are wider than any window, for olga."""
    make_user(Role.OPERATOR)
    sql.execute("DROP INDEX idx_trials_status")
    sql.execute(f"CREATE TABLE {'long_' * 12} (n integer)")
    sql.execute(f"ALTER TABLE trials ALTER COLUMN status SET DEFAULT '{'x' * 300}'")
    sql.execute("UPDATE alembic_migration_log SET file_sha256 = 'other', host = %s, detail = %s", ["h" * 60, "d" * 600])
    sql.execute("UPDATE alembic_migration_log SET action = 'verify' WHERE log_id = 1")


def test_the_schema_page_fits_the_window(page: Page, drifted: None) -> None:
    sign_in(page, "olga", "/schema/")
    expect(page.locator(".badge")).to_contain_text("Manual action required")
    for summary in page.locator("main summary").all():
        summary.click()
    for width in WIDTHS:
        require_width(page, width)
        small = page.evaluate(
            "[...document.querySelectorAll('main summary')]"
            ".filter(one => one.getBoundingClientRect().height < 24).length"
        )
        assert small == 0, width


def test_targets_are_large_enough(page: Page, addresses: list[str]) -> None:
    sign_in(page, "adam")
    for address in addresses[:-1]:
        page.goto(address)
        small = page.evaluate(
            """() => [...document.querySelectorAll("main button, main select, main summary, main input")]
                .filter((element) => element.offsetParent && element.getBoundingClientRect().height < 24)
                .map((element) => element.outerHTML)"""
        )
        assert small == [], address


def test_the_whole_row_is_a_link(page: Page, addresses: list[str]) -> None:
    sign_in(page, "adam", "/links/")
    # The last cell, far from the text of the link that covers it.
    box = page.get_by_role("row").nth(1).get_by_role("cell").last.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"/links/\d+/$"))


def test_the_theme_is_switched_and_kept(page: Page, addresses: list[str]) -> None:
    sign_in(page, "adam")
    page.locator("summary[aria-label^=Account]").click()
    page.get_by_role("button", name="Toggle theme").click()
    chosen = page.evaluate("document.documentElement.dataset.theme")
    assert chosen in ("light", "dark")
    page.goto("/admin/")
    assert page.evaluate("document.documentElement.dataset.theme") == chosen


def test_the_filter_works_by_keyboard(page: Page, addresses: list[str]) -> None:
    sign_in(page, "adam", "/links/?label=any")
    page.keyboard.press("f")
    page.keyboard.type("a-name")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=a-name"))
    expect(page.locator("tbody tr")).to_have_count(1)


def test_print_has_no_controls(page: Page, addresses: list[str]) -> None:
    sign_in(page, "adam", addresses[3])
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Right")).to_be_hidden()
    expect(page.locator("#header")).to_be_hidden()
