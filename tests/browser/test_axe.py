"""axe-core finds no serious fault on any page, for each role, in light and dark."""

import pytest
from playwright.sync_api import Page

from linkaudit.models import LinkAudit, LinkPromotion, ReviewSample
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from storage.models import StorageObject, StorageReference, StorageTombstone
from tests.admin import rows
from tests.browser.conftest import find_faults, sign_in, sign_in_by_form
from tests.factories import make_link_audit, make_trial, make_user
from tests.linkaudit.review.conftest import draw, expire_leases, make_links

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site() -> LinkAudit:
    """Create rows for every page; return a disputed link."""
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
    """Return the pages of each user."""
    sample, job = ReviewSample.objects.latest("pk").pk, Job.objects.latest("pk").pk
    promotion, content = LinkPromotion.objects.latest("pk").pk, StorageObject.objects.latest("pk").pk
    return {
        "rita": ["/", "/search/?q=nct10000000", "/search/?q=nothing",
                 "/links/", "/links/?label=any", "/links/?q=nothing", f"/links/{link.pk}/", "/heuristics/",
                 "/heuristics/HP-77/", "/review/", "/review/mine/", "/review/shortcuts/", "/nowhere/", "/admin/"],
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


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("who", ["rita", "adam", "olga", "ana"])
def test_no_page_has_a_serious_fault(measured_page: Page, site: LinkAudit, who: str, half: int) -> None:
    sign_in(measured_page, who)
    found = []
    for address in addresses(site)[who][half::2]:
        # Includes the 404 page.
        measured_page.goto(address)
        found += find_faults(measured_page)
    assert found == []


def test_the_review_desk_has_no_serious_fault(measured_page: Page, site: LinkAudit) -> None:
    measured_page.goto("/accounts/login/")
    found = find_faults(measured_page)
    sign_in_by_form(measured_page, "rita", "/review/")
    measured_page.get_by_role("button", name="Start").click()
    measured_page.get_by_role("button", name="Next highlight").click()
    measured_page.locator("summary", has_text="Keyboard shortcuts").click()
    found += find_faults(measured_page)
    address = measured_page.url
    measured_page.get_by_role("button", name="Unsure").click()
    measured_page.wait_for_url(lambda url: url != address)
    found += find_faults(measured_page)
    # A reviewed item, and an expired reservation.
    measured_page.goto(address)
    found += find_faults(measured_page)
    measured_page.get_by_role("button", name="Continue").click()
    measured_page.wait_for_url(lambda url: url != address)
    expire_leases()
    measured_page.reload()
    found += find_faults(measured_page)
    assert found == []
