"""The tour of a first visit: three steps of each role, until the user dismisses it, which a signed cookie keeps."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ncfd_site.core.browser_settings import read_browser_setting, write_browser_setting
from ncfd_site.core.permissions import current_user
from ncfd_site.core.roles import Role
from ncfd_site.web.navigation import list_roles

SETTING = "tour"


@dataclass(frozen=True, slots=True)
class Step:
    """A page to open, and what it is for."""

    title: str
    view: str
    about: str

    @property
    def url(self) -> str:
        """The URL of the page."""
        return reverse(self.view)


STEPS: dict[str, tuple[Step, Step, Step]] = {
    Role.REVIEWER: (
        Step("Review an item", "linkaudit:desk", "Read the quoted passage, and decide with Y, N or U. Z undoes."),
        Step("Look at the heuristics", "linkaudit:heuristics", "See how precise each rule is that proposes links."),
        Step("Choose your keys", "linkaudit:shortcuts", "Change the keys of the review desk, or turn them off."),
    ),
    Role.ADJUDICATOR: (
        Step("Resolve a disagreement", "linkaudit:disagreements", "Decide on links that reviewers see differently."),
        Step("Review an item", "linkaudit:desk", "Label links of the samples, as reviewers do."),
        Step("Compare reviewers", "linkaudit:agreement", "See how often reviewers agree, with intervals."),
    ),
    Role.OPERATOR: (
        Step("Check the schema", "schema", "See the revision, drift and the last verification."),
        Step("Watch the jobs", "jobs:jobs", "Follow, cancel and resume background jobs."),
        Step("Look after content", "storage:content", "Verify stored objects, collect garbage, move tiers."),
    ),
    Role.ANALYST: (
        Step("Find risky trials", "risk:trials", "Filter by readout, gate and ticker; a row opens the reasons."),
        Step("Compare two runs", "risk:compare", "See which trials moved, and why."),
        Step("Open a company", "companies:companies", "See its tickers, subsidiaries and trials by risk."),
    ),
}


def find_steps(request: HttpRequest) -> tuple[Step, ...]:
    """Return the steps of the user's first role; none after the user has dismissed them, or without a role."""
    if read_browser_setting(request, SETTING):
        return ()
    user = current_user(request)
    roles = [Role.OPERATOR.value] if user.is_superuser else list_roles(user)
    return STEPS[roles[0]] if roles else ()


def dismiss_tour(request: HttpRequest, response: HttpResponse) -> None:
    """Keep in the browser that the user has dismissed the tour."""
    write_browser_setting(request, response, SETTING, "dismissed")
