"""Every address of the site, by every method, for everybody: what it answers is what the table says.

The addresses come from `show_urls`, so a new page fails here until somebody has said who may open it.
"""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client

from tests.admin.conftest import person
from tests.admin.test_access import LEADING_ON
from tests.web.addresses import Address, addresses, fillings
from tests.web.admin_table import ALONE, rule_of
from tests.web.table import (
    METHODS,
    TABLE,
    WHO,
    Rule,
)

pytestmark = pytest.mark.django_db

# The admin takes whatever is no POST for a GET. All methods are tried there by who may most and by who may nothing; the
# pages are long, so that groups try one of each kind.
OF_GROUPS_IN_THE_ADMIN = ("GET", "POST", "DELETE")


def is_known_to_lead_on(address: Address) -> bool:
    """Whether an address of the admin shows nothing itself: it sends to another one that is listed."""
    name = address.name.removeprefix("admin:") or None
    return address.pattern.startswith("/admin/") and address.pattern not in ALONE and name in LEADING_ON


ADDRESSES = [address for address in addresses() if not is_known_to_lead_on(address)]
LEADING = [address for address in addresses() if is_known_to_lead_on(address)]


# One test for all addresses would be longer than any other.
PARTS = {
    "links and securities in the admin": ("/admin/linkaudit/", "/admin/securities/"),
    "rest of the admin": ("/admin/",),
    "site": ("/",),
}


def part_of(address: Address) -> str:
    """Return the part of the site that an address belongs to: the first one whose beginning it has."""
    return next(part for part, beginnings in PARTS.items() if address.pattern.startswith(beginnings))


def rule(address: Address) -> Rule:
    """The line of the table about an address."""
    if address.pattern.startswith("/admin/"):
        return rule_of(address.pattern, address.name)
    return TABLE[address.pattern]


def test_the_table_knows_every_address_and_no_other() -> None:
    site = {address.pattern for address in ADDRESSES if not address.pattern.startswith("/admin/")}
    assert {"unknown to the table": site - TABLE.keys(), "gone from the site": TABLE.keys() - site} == {
        "unknown to the table": set(), "gone from the site": set(),
    }  # fmt: skip


def test_the_table_knows_every_page_of_the_admin() -> None:
    pages = [address for address in ADDRESSES if address.pattern.startswith("/admin/")]
    assert len(pages) > 100
    for address in pages:
        rule(address)


def test_there_are_few_pages_that_only_lead_on() -> None:
    assert len(LEADING) < 10


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("who", WHO)
def test_every_address_answers_as_the_table_says(
    who: str, part: str, settings: LazySettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Formatting the tracebacks of a thousand refusals takes longer than refusing.
    caplog.set_level(logging.CRITICAL, "django.request")
    # A store that is there, and has not the bytes.
    settings.CONTENT_ROOT = tmp_path
    fill = fillings()
    targets = [(address, fill(address)) for address in ADDRESSES if part_of(address) == part]
    assert len(targets) > 20
    user = None if who == "anonymous" else person(who)
    client = _client(user)
    before = _counts()
    wrong = []
    for address, target in targets:
        expected = rule(address)
        for method in _methods(address, who):
            at = (expected.post_to or target) + expected.post_query if method == "POST" else target
            answer = client.generic(method, at)
            wanted = expected.expected(who, method)
            if answer.status_code != wanted:
                wrong.append(f"{method} {at}: {answer.status_code} instead of {wanted}")
            wrong += [f"{method} {target}: {fault}" for fault in _faults(answer)]
            if address.pattern.endswith("/logout/"):
                client = _client(user)
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert _counts() == before


@pytest.mark.parametrize("who", WHO)
def test_what_leads_on_leads_on(who: str) -> None:
    client = _client(None if who == "anonymous" else person(who))
    for address in LEADING:
        target = address.pattern.replace("<path:content_type_id>", "1").replace("<path:object_id>", "1")
        for method in METHODS:
            answer = client.generic(method, target.replace("<url>", "nothing"))
            assert answer.status_code in (301, 302, 404), f"{method} {target}"
            assert _faults(answer) == []


def _methods(address: Address, who: str) -> tuple[str, ...]:
    is_brief = address.pattern.startswith("/admin/") and who not in ("anonymous", "superuser")
    return OF_GROUPS_IN_THE_ADMIN if is_brief else METHODS


def _client(user: User | None) -> Client:
    # A page that breaks is a line of what is found, not the end of it.
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def _faults(answer: Any) -> list[str]:
    """What an answer lacks of what every one carries."""
    policy = answer.get("Content-Security-Policy", "")
    found = {
        "no policy of content": not policy.startswith("default-src 'none'"),
        "a policy that lets scripts or styles in": "unsafe" in policy or "*" in policy or "http" in policy,
        "may be shown in a frame": answer.get("X-Frame-Options") != "DENY",
        "its type may be guessed": answer.get("X-Content-Type-Options") != "nosniff",
        "may be kept": "no-store" not in answer.get("Cache-Control", ""),
        "tells the address to others": answer.get("Referrer-Policy") != "same-origin",
    }
    return [fault for fault, is_so in found.items() if is_so]


def _counts() -> Counter[str]:
    """How many rows each table of the house holds, and how many people there are."""
    labels = ("linkaudit", "ncfd_site", "securities", "signals", "storage")
    models: list[type[Model]] = [
        User,
        *(model for label in labels for model in apps.get_app_config(label).get_models()),
    ]
    return Counter({model._meta.label: model._default_manager.count() for model in models})
