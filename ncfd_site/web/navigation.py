"""Navigation of the site: three groups of pages, the roles of the user, and the tasks of the admin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.http import HttpRequest
from django.urls import reverse

from ncfd_site.core.roles import Role, get_permissions


@dataclass(frozen=True, slots=True)
class Page:
    """An entry of the navigation; `views` are the names of the views, or namespaces, below it."""

    label: str
    view: str
    permission: str
    views: frozenset[str] = frozenset()
    # The page shows the number of links that await adjudication.
    has_count: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A page as the user sees it."""

    page: Page
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The pages of one kind of work that the user may open."""

    label: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def is_current(self) -> bool:
        """True if the shown page is one of the group."""
        return any(entry.is_current for entry in self.entries)

    @property
    def has_count(self) -> bool:
        """True if a page of the group has a count."""
        return any(entry.page.has_count for entry in self.entries)


def _name_views(*names: str) -> frozenset[str]:
    return frozenset(f"linkaudit:{name}" for name in names)


GROUPS: Mapping[str, Sequence[Page]] = {
    "Analyze": (
        Page("Trials", "risk:trials", "signals.view_score", frozenset({"risk:trials", "why"})),
        Page("Compare runs", "risk:compare", "signals.view_score"),
        Page("Companies", "companies:companies", "securities.view_company",
             frozenset({"companies:company", "companies:ticker"})),
        Page("Unresolved sponsors", "companies:sponsors", "securities.view_company"),
        Page("Activity", "activity", "signals.view_score"),
        Page("Validation errors", "errors", "signals.view_stagingerror"),
    ),
    "Review": (
        Page("Review", "linkaudit:desk", "linkaudit.label_linkaudit",
             _name_views("slot", "skip", "lease", "shortcuts")),
        Page("My reviews", "linkaudit:mine", "linkaudit.label_linkaudit", _name_views("own_decision")),
        Page("Adjudication", "linkaudit:disagreements", "linkaudit.adjudicate_linkaudit", _name_views("disagreement"),
             has_count=True),
        Page("Links", "linkaudit:links", "linkaudit.view_linkaudit", _name_views("link")),
        Page("Heuristics", "linkaudit:heuristics", "linkaudit.view_linkaudit", _name_views("heuristic")),
        Page("Promotions", "linkaudit:promotions", "linkaudit.view_linkpromotion", _name_views("promotion", "promote")),
        Page("Agreement", "linkaudit:agreement", "linkaudit.view_linkreview"),
    ),
    "Operate": (
        Page("Content", "storage:content", "storage.view_storageobject", frozenset({"storage"})),
        Page("Jobs", "jobs:jobs", "jobs.view_job", frozenset({"jobs:job"})),
        Page("Schedule", "jobs:schedules", "jobs.view_jobschedule", frozenset({"jobs:schedule"})),
        Page("Retention", "retention", "storage.operate_storageobject"),
        Page("Schema", "schema", "schema.view_migrationlog"),
    ),
}  # fmt: skip

# The tasks of the admin's tables, by app.
ADMIN_TASKS: Mapping[str, Sequence[str]] = {
    "Analyze": ("signals", "securities"),
    "Review": ("linkaudit",),
    "Operate": ("storage", "jobs", "schema"),
    "Access": ("auth", "api"),
}


def build_navigation(request: HttpRequest) -> list[Group]:
    """Return the groups with at least one page that the user may open."""
    match = request.resolver_match
    here = {match.view_name, match.namespace} if match else set()
    groups = [
        Group(
            label,
            [
                Entry(page, reverse(page.view), page.view in here or not page.views.isdisjoint(here))
                for page in pages
                if request.user.has_perm(page.permission)
            ],
        )
        for label, pages in GROUPS.items()
    ]
    return [group for group in groups if group.entries]


def list_roles(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """Return the roles whose permissions the user has, without those that another one of them includes.

    Permissions are read once for a request; reading the groups would be one more query on every page.
    """
    if getattr(user, "is_superuser", False):
        return ["administrator"]
    held = user.get_all_permissions() if isinstance(user, PermissionsMixin) else set()
    roles = {role: permissions for role, permissions in _read_role_permissions().items() if permissions <= held}
    return [
        role.value for role, permissions in roles.items() if not any(permissions < other for other in roles.values())
    ]


@cache
def _read_role_permissions() -> dict[Role, frozenset[str]]:
    return {role: get_permissions(role) for role in Role}


def group_by_task(app_list: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the apps of the admin by task, in the order of the navigation; other apps come last."""
    apps = list(app_list)
    known = {label for labels in ADMIN_TASKS.values() for label in labels}
    tasks = [
        (
            task,
            sorted((app for app in apps if app["app_label"] in labels), key=lambda app: labels.index(app["app_label"])),
        )
        for task, labels in ADMIN_TASKS.items()
    ]
    tasks.append(("Other", [app for app in apps if app["app_label"] not in known]))
    return [(task, of_task) for task, of_task in tasks if of_task]
