"""A reviewer labels links in a browser, with the mouse and with keyboard shortcuts."""

import pytest
from playwright.sync_api import Page, expect

from linkaudit.models import LinkAudit
from linkaudit.services import label_link
from ncfd_site.core.roles import Role
from tests.browser.conftest import sign_in
from tests.factories import make_asset, make_document, make_link_audit, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def links() -> list[LinkAudit]:
    """Three open links of HP-2, and the reviewer rita."""
    make_user()
    return [
        make_link_audit(
            nct_id=f"NCT0000000{number}",
            asset=make_asset(f"AB-10{number}"),
            doc=make_document(f"NCT0000000{number}: a trial\n\nInterventions\n- Drug: AB-10{number}"),
        )
        for number in (1, 2, 3)
    ]


def stored(audit: LinkAudit) -> tuple[bool | None, str | None, str | None]:
    row = LinkAudit.objects.get(pk=audit.pk)
    return row.label, row.reviewed_by, row.review_notes


def test_label_changes_the_precision_of_the_heuristic(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", "/heuristics/HP-2/")
    expect(page.get_by_text("precision unknown")).to_be_visible()

    page.get_by_role("link", name="Open links", exact=True).click()
    page.get_by_role("link", name=str(links[0].pk), exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-101 is an intervention of trial NCT00000001")
    expect(page.locator(".page-text mark.asset")).to_have_text("AB-101")
    page.get_by_role("button", name="Right").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-102")
    expect(page.get_by_role("status")).to_contain_text("you labeled it ✓ right")
    assert stored(links[0]) == (True, "rita", None)

    page.goto("/heuristics/HP-2/")
    expect(page.get_by_text("1 of 1 reviewed links are right: precision 1.0000")).to_be_visible()
    expect(page.locator("svg.interval-chart").first.locator("circle")).to_have_count(1)


def test_three_links_with_shortcuts(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", "/links/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-101")
    page.keyboard.press("y")
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-102")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-103")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-102")
    page.keyboard.press("m")
    page.keyboard.type("many yes and no")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-103")
    page.keyboard.press("y")
    expect(page.get_by_text("Every link of this selection is labeled.")).to_be_visible()
    assert [stored(audit) for audit in links] == [
        (True, "rita", None),
        (False, "rita", "many yes and no"),
        (True, "rita", None),
    ]


def test_shortcuts_do_nothing_in_the_note(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", f"/links/{links[0].pk}/")
    note = page.get_by_label("Note")
    note.fill("")
    note.press_sequentially("ynuzjk?")
    expect(note).to_have_value("ynuzjk?")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+y")
    page.keyboard.press("?")
    expect(page.get_by_text("open source document")).to_be_visible()
    assert stored(links[0]) == (None, None, None)


def test_undo_with_a_shortcut(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", f"/links/{links[0].pk}/")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-102")
    assert stored(links[0])[0] is False
    page.keyboard.press("z")
    expect(page.get_by_text(f"Undone: link {links[0].pk} is open again.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-101")
    assert stored(links[0]) == (None, None, None)


def test_clear_label(page: Page, links: list[LinkAudit]) -> None:
    label_link(links[0].pk, True, actor=make_user(username="rose"))
    make_user(Role.ADJUDICATOR)
    sign_in(page, "adam", f"/links/{links[0].pk}/")
    page.get_by_role("button", name="Clear label").click()
    expect(page.get_by_role("status")).to_contain_text("you labeled it ○ open")
    assert stored(links[0])[0] is None


def test_concurrent_label_is_shown_and_the_note_kept(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", f"/links/{links[0].pk}/")
    page.get_by_label("Note").fill("see the second arm")
    label_link(links[0].pk, False, actor=make_user(username="rose"))
    with page.expect_response(lambda response: response.status == 409):
        page.get_by_role("button", name="Right").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was overwritten.")
    expect(page.get_by_role("alert")).to_contain_text("see the second arm")
    assert stored(links[0]) == (False, "rose", None)


def test_it_works_without_scripts(page: Page, links: list[LinkAudit], live_server: object) -> None:
    page.route("**/*.js", lambda route: route.fulfill(status=200, content_type="text/javascript", body=""))
    sign_in(page, "rita", "/links/")
    page.get_by_role("link", name=str(links[0].pk), exact=True).click()
    page.get_by_label("Note").fill("no script")
    page.get_by_role("button", name="Wrong").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("AB-102")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is open again")).to_be_visible()
    assert stored(links[0]) == (None, None, None)
