"""API permissions equal page permissions, for each resource, group and permission."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from linkaudit.models import TrialAssetLink
from ncfd_site.api.tokens import create_token
from ncfd_site.api.v1 import PREFIX, api
from ncfd_site.core.roles import Role
from securities.models import ReviewQueueItem
from signals.models import StagingError, Trial
from tests.api.rows import make_explained_trial, make_version
from tests.factories import make_document, make_link_audit, make_study, make_user

pytestmark = pytest.mark.django_db

SCORES, VERSIONS, COMPANIES = "signals.view_score", "signals.view_trialversion", "securities.view_company"
STUDIES, ERRORS, LINKS = "signals.view_study", "signals.view_stagingerror", "linkaudit.view_linkaudit"
QUEUE = "securities.view_reviewqueueitem"
# Each resource, the page that shows the same, and the permission that opens both.
PAGES = {
    "trials": ("/trials/", SCORES),
    "trials/{nct_id}": ("/trials/{nct_id}/", SCORES),
    "trials/{nct_id}/scores": ("/trials/{nct_id}/", SCORES),
    "trials/{nct_id}/breakdown": ("/trials/{nct_id}/", SCORES),
    "trials/{nct_id}/versions": ("/trials/{nct_id}/record/", VERSIONS),
    "trials/{nct_id}/versions/{version_id}": ("/trials/{nct_id}/record/", VERSIONS),
    "trials/{nct_id}/difference": ("/trials/{nct_id}/record/", VERSIONS),
    "runs": ("/trials/compare/", SCORES),
    "compare": ("/trials/compare/", SCORES),
    "companies": ("/companies/", COMPANIES),
    "companies/{cik}": ("/companies/{cik}/", COMPANIES),
    "tickers/{ticker}": ("/tickers/{ticker}/", COMPANIES),
    "studies": ("/admin/signals/study/", STUDIES),
    "studies/{study_id}": ("/studies/{study_id}/", STUDIES),
    "staging-errors": ("/errors/", ERRORS),
    "staging-errors/{error_id}": ("/errors/", ERRORS),
    "links": ("/links/", LINKS),
    "links/{audit_id}": ("/links/{audit_id}/", LINKS),
    "heuristics": ("/heuristics/", LINKS),
    "heuristics/{name}": ("/heuristics/{name}/", LINKS),
    "documents": ("/admin/storage/document/", "storage.view_document"),
    "documents/{doc_id}": ("/admin/storage/document/{doc_id}/change/", "storage.view_document"),
    "sponsors": ("/admin/securities/reviewqueueitem/", QUEUE),
    "sponsors/{rq_id}": ("/admin/securities/reviewqueueitem/{rq_id}/change/", QUEUE),
    "dashboard": ("/", ""),
}
# The page of sponsors is open to who sees companies; it shows these parts to whom the API gives them.
PARTS = {
    "sponsors": ("Review queue of the resolver", QUEUE),
    "sponsor-decisions": ("Review queue of the resolver", QUEUE),
    "unresolved-sponsors": ("Unresolved sponsors of trials", SCORES),
}
# A tile that `dashboard` contains too.
ALONE = {"freshness"}
Fill = Callable[[str], str]


@pytest.fixture
def trial() -> Trial:
    """The trial of all rows."""
    return make_explained_trial()


@pytest.fixture
def fill(trial: Trial) -> Fill:
    """Create a row of each kind; return a function that puts their IDs into a path."""
    versions = [make_version(trial, {"a": number}, days=number) for number in range(2)]
    link = make_link_audit(nct_id=trial.nct_id, heuristic_applied="HP-1")
    TrialAssetLink.objects.create(trial=trial, asset=link.asset, how="HP-1", confidence="0.95")
    study = make_study(trial=trial)
    error = StagingError.objects.create(
        study=study, trial=trial, error_type="pivotal_validation", error_message="x", extracted_jsonb={}
    )
    assert trial.sponsor_company is not None
    keys = {
        "nct_id": trial.nct_id,
        "version_id": versions[0].pk,
        "cik": trial.sponsor_company.cik,
        "ticker": "ZQX",
        "study_id": study.pk,
        "error_id": error.pk,
        "audit_id": link.pk,
        "name": "HP-1",
        "doc_id": make_document("text").pk,
        "rq_id": ReviewQueueItem.objects.create(run_id="r", nct_id=trial.nct_id).pk,
    }
    return lambda address: address.format(**keys)


def with_permissions(*names: str) -> User:
    """Return a user with only these permissions."""
    who = make_user(None, "-".join(("user", *names)))
    for name in names:
        label, _, codename = name.partition(".")
        who.user_permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))
    return who


def both(who: User) -> tuple[Client, Client]:
    """Return a browser client and an API client of one user."""
    browser = Client()
    browser.force_login(who)
    return browser, Client(headers={"authorization": f"Bearer {create_token(who, 'tests', 1).text}"})


def test_every_resource_has_a_page() -> None:
    described = {path.removeprefix(PREFIX) for path in api.get_openapi_schema(path_prefix=PREFIX)["paths"]}
    assert described == PAGES.keys() | PARTS.keys() | ALONE


@pytest.mark.parametrize("role", [None, *Role])
def test_each_group_reads_the_same_in_api_and_pages(fill: Fill, role: Role | None) -> None:
    browser, program = both(make_user(role))
    for resource, (page, _) in PAGES.items():
        shown = browser.get(fill(page)).status_code
        assert program.get(f"/api/v1/{fill(resource)}").status_code == shown, resource
        assert shown in (200, 403), page
    words = browser.get("/sponsors/").content.decode()
    for resource, (heading, _) in PARTS.items():
        assert (program.get(f"/api/v1/{resource}").status_code == 200) == (heading in words), resource


@pytest.mark.parametrize("resource", PAGES)
def test_resource_needs_the_permission_of_its_page(fill: Fill, resource: str) -> None:
    page, permission = PAGES[resource]
    if permission:
        browser, program = both(with_permissions())
        assert browser.get(fill(page)).status_code == 403
        refusal = program.get(f"/api/v1/{fill(resource)}")
        assert refusal.status_code == 403
        assert permission in refusal.json()["detail"]
    browser, program = both(with_permissions(*filter(None, [permission])))
    assert browser.get(fill(page)).status_code == 200
    assert program.get(f"/api/v1/{fill(resource)}").status_code == 200


@pytest.mark.parametrize("resource", PARTS)
def test_resource_needs_the_permission_of_its_part(fill: Fill, resource: str) -> None:
    heading, permission = PARTS[resource]
    for more in ([], [permission]):
        browser, program = both(with_permissions(COMPANIES, *more))
        assert (heading in browser.get("/sponsors/").content.decode()) == bool(more)
        assert program.get(f"/api/v1/{resource}").status_code == (200 if more else 403)


@pytest.mark.parametrize(
    ("resource", "field", "permission", "page", "mark"),
    [
        ("trials/{nct_id}", "signal_rows", "signals.view_signal", "/trials/{nct_id}/", "The endpoint was changed."),
        ("trials/{nct_id}", "evaluations", "signals.view_signal", "/trials/{nct_id}/", 'id="signal-s7"'),
        ("trials/{nct_id}", "gate_rows", "signals.view_gate", "/trials/{nct_id}/", 'id="gate-g1"'),
        ("trials/{nct_id}", "companies", COMPANIES, "/trials/{nct_id}/", "/companies/{cik}/"),
        ("trials/{nct_id}", "assets", "linkaudit.view_trialassetlink", "/trials/{nct_id}/", "Drugs and links"),
        (
            "trials/{nct_id}/breakdown",
            "signals",
            "signals.view_signal",
            "/trials/{nct_id}/",
            "The endpoint was changed.",
        ),
        ("trials/{nct_id}/breakdown", "gates", "signals.view_gate", "/trials/{nct_id}/", 'id="gate-g1"'),
        ("studies/{study_id}", "errors", ERRORS, "/studies/{study_id}/", "Missing fields"),
        ("companies/{cik}", "exposure", SCORES, "/companies/{cik}/", "Next readouts"),
        ("companies/{cik}", "documents", "storage.view_document", "/companies/{cik}/", "Latest documents"),
    ],
)
def test_hidden_part_is_null(fill: Fill, resource: str, field: str, permission: str, page: str, mark: str) -> None:
    """The part and its text on the page need the same permission."""
    opens = PAGES[resource][1]
    for more in ([], [permission]):
        browser, program = both(with_permissions(opens, *more))
        answer: Any = program.get(f"/api/v1/{fill(resource)}").json()
        assert (answer[field] is not None) == bool(more)
        assert (fill(mark) in browser.get(fill(page)).content.decode()) == bool(more)


@pytest.mark.parametrize("role", [None, *Role])
def test_tiles_match_the_home_page(role: Role | None) -> None:
    browser, program = both(make_user(role))
    page = browser.get("/").content.decode()
    tiles = [tile["key"] for tile in program.get("/api/v1/dashboard").json()["items"]]
    assert page.count('class="board-tile') == len(tiles)
    assert all(f'id="tile-{key}"' in page for key in tiles)


def test_removed_permission_applies_at_once(fill: Fill) -> None:
    who = with_permissions(COMPANIES)
    browser, program = both(who)
    assert program.get("/api/v1/companies").status_code == 200
    who.user_permissions.clear()
    assert (browser.get("/companies/").status_code, program.get("/api/v1/companies").status_code) == (403, 403)
