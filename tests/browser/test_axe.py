"""axe-core finds no serious fault on any page of the site, for the people who open it, in light and dark."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from linkaudit.models import LinkAudit, LinkPromotion, ReviewSample
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from storage.models import StorageObject, StorageReference, StorageTombstone
from tests.admin import rows
from tests.browser.conftest import PATIENCE_MS, sign_in
from tests.factories import make_link_audit, make_trial, make_user
from tests.linkaudit.review.conftest import draw, end_leases, make_links

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRAVE = ("serious", "critical")
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def faults(page: Page) -> list[str]:
    """The grave faults of the page that is shown, a line for each: all rules in light, those on colours in dark."""
    found: list[str] = []
    for scheme, options in (("light", None), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        results: dict[str, Any] = Axe().run(page, options=options).response
        for one in results["violations"]:
            if one["impact"] in GRAVE:
                found += [f"{page.url} in {scheme}: {one['id']}: {node['html'][:200]}" for node in one["nodes"]]
    return found


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page on which axe-core may put the styles that it measures with."""
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    yield page
    page.wait_for_load_state("networkidle")
    context.close()


@pytest.fixture
def site() -> LinkAudit:
    """Rows for every page; returns a link on which people differ."""
    for role in Role:
        make_user(role)
    make_trial(nct_id="NCT10000000")
    audits = make_links(6)
    draw(share=1)
    make_link_audit(label=True)
    make_link_audit(label=False, heuristic_applied="HP-1")
    for model in (Job, LinkPromotion, StorageReference, StorageTombstone):
        rows.make(model)
    for decision, reviewer in (("right", "rose"), ("wrong", "rob")):
        token = sql.value("SELECT lease_token FROM claim_review_slot(%s, NULL, '1 hour')", [reviewer])
        sql.value("SELECT outcome FROM submit_review(%s, %s, %s, 'so it is', 1)", [token, reviewer, decision])
    (disputed,) = sql.rows("SELECT audit_id AS pk FROM link_disagreements", of=LinkAudit)
    return LinkAudit.objects.get(pk=disputed.pk or audits[0].pk)


def addresses(link: LinkAudit) -> dict[str, list[str]]:
    """Which pages who opens."""
    sample, job = ReviewSample.objects.latest("pk").pk, Job.objects.latest("pk").pk
    promotion, content = LinkPromotion.objects.latest("pk").pk, StorageObject.objects.latest("pk").pk
    return {
        "rita": ["/", "/links/", "/links/?label=any", "/links/?q=nothing", f"/links/{link.pk}/", "/heuristics/",
                 "/heuristics/HP-77/", "/review/", "/review/keys/", "/nowhere/", "/admin/"],
        "adam": ["/", "/adjudication/", f"/adjudication/{link.pk}/", "/agreement/", f"/links/{link.pk}/",
                 "/admin/linkaudit/linkaudit/", f"/admin/linkaudit/linkaudit/{link.pk}/change/",
                 "/admin/linkaudit/linkreview/", f"/admin/linkaudit/reviewsample/{sample}/change/",
                 "/admin/linkaudit/linkaudit/bulk/filter/"],
        "olga": ["/", "/content/", "/schema/", "/jobs/", f"/jobs/{job}/", "/heuristics/HP-77/",
                 "/promotions/", f"/promotions/{promotion}/", "/heuristics/HP-77/promote/",
                 "/content/garbage-collection/", "/content/move/", "/admin/storage/storageobject/",
                 "/admin/storage/storageobject/gc-candidates/", f"/admin/storage/storageobject/{content}/change/",
                 "/admin/storage/storagetombstone/"],
        "ana": ["/", "/agreement/", f"/links/{link.pk}/"],
    }  # fmt: skip


@pytest.mark.parametrize("who", ["rita", "adam", "olga", "ana"])
def test_no_page_has_a_grave_fault(page: Page, site: LinkAudit, who: str) -> None:
    sign_in(page, who)
    found = []
    for address in addresses(site)[who]:
        # A page that is not there is a page too.
        page.goto(address)
        found += faults(page)
    assert found == []


def test_the_desk_has_none_either(page: Page, site: LinkAudit) -> None:
    page.goto("/accounts/login/")
    found = faults(page)
    sign_in(page, "rita", "/review/")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Next mark").click()
    page.locator("summary", has_text="Keys").click()
    found += faults(page)
    address = page.url
    page.get_by_role("button", name="Unsure").click()
    page.wait_for_url(lambda url: url != address)
    found += faults(page)
    # What one has said, and a place that one has no longer.
    page.goto(address)
    found += faults(page)
    page.get_by_role("button", name="Go on").click()
    end_leases()
    page.reload()
    found += faults(page)
    assert found == []
