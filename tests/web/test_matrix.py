"""Every URL of the site, by every method, for every role: it returns the status of the table.

The URLs come from `show_urls`, so a new page fails here until the table has its readers.
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
from django.template.response import SimpleTemplateResponse
from django.test import Client

from tests.admin.conftest import person
from tests.admin.test_access import REDIRECTS
from tests.web.addresses import Address, addresses, fillings
from tests.web.admin_table import ALONE, rule_of
from tests.web.table import (
    METHODS,
    TABLE,
    WHO,
    Rule,
)

pytestmark = pytest.mark.django_db

# The admin treats every method but POST as GET. All methods are tried by a superuser and by anonymous users; roles
# try one of each kind.
OF_GROUPS_IN_THE_ADMIN = ("GET", "POST", "DELETE")


def only_redirects(address: Address) -> bool:
    """Return whether a URL of the admin only redirects."""
    name = address.name.removeprefix("admin:") or None
    return address.pattern.startswith("/admin/") and address.pattern not in ALONE and name in REDIRECTS


ADDRESSES = [address for address in addresses() if not only_redirects(address)]
REDIRECTING = [address for address in addresses() if only_redirects(address)]


# One test for all URLs would take longer than any other test.
PARTS = {
    "links and securities in the admin": ("/admin/linkaudit/", "/admin/securities/"),
    "rest of the admin": ("/admin/",),
    "site": ("/",),
}


def part_of(address: Address) -> str:
    """Return the part of the site of a URL."""
    return next(part for part, beginnings in PARTS.items() if address.pattern.startswith(beginnings))


def rule(address: Address) -> Rule:
    """Return the rule of a URL."""
    if address.pattern.startswith("/admin/"):
        return rule_of(address.pattern, address.name)
    return TABLE[address.pattern]


def test_the_table_has_every_url_and_no_other() -> None:
    site = {address.pattern for address in ADDRESSES if not address.pattern.startswith("/admin/")}
    assert {"missing in the table": site - TABLE.keys(), "missing on the site": TABLE.keys() - site} == {
        "missing in the table": set(), "missing on the site": set(),
    }  # fmt: skip


def test_the_table_has_every_page_of_the_admin() -> None:
    pages = [address for address in ADDRESSES if address.pattern.startswith("/admin/")]
    assert len(pages) > 100
    for address in pages:
        rule(address)


def test_few_pages_only_redirect() -> None:
    assert len(REDIRECTING) < 10


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("who", WHO)
def test_every_url_returns_the_status_of_the_table(
    who: str,
    part: str,
    settings: LazySettings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Formatting a thousand tracebacks takes longer than the requests.
    caplog.set_level(logging.CRITICAL, "django.request")
    # An empty store.
    settings.CONTENT_ROOT = tmp_path
    fill = fillings()
    targets = [(address, fill(address)) for address in ADDRESSES if part_of(address) == part]
    assert len(targets) > 20
    user = None if who == "anonymous" else person(who)
    client = _client(user)
    before = _counts()
    wrong = []
    render = SimpleTemplateResponse.rendered_content
    for address, target in targets:
        expected = rule(address)
        for method in _methods(address, who):
            at = (expected.post_to or target) + expected.post_query if method == "POST" else target
            # GET renders each page. The status of the other methods is known before that.
            monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", render if method == "GET" else "")
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
def test_redirects(who: str) -> None:
    client = _client(None if who == "anonymous" else person(who))
    for address in REDIRECTING:
        target = address.pattern.replace("<path:content_type_id>", "1").replace("<path:object_id>", "1")
        for method in METHODS:
            answer = client.generic(method, target.replace("<url>", "nothing"))
            assert answer.status_code in (301, 302, 404), f"{method} {target}"
            assert _faults(answer) == []


def _methods(address: Address, who: str) -> tuple[str, ...]:
    is_brief = address.pattern.startswith("/admin/") and who not in ("anonymous", "superuser")
    return OF_GROUPS_IN_THE_ADMIN if is_brief else METHODS


def _client(user: User | None) -> Client:
    # A page that fails is reported with the others.
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def _faults(answer: Any) -> list[str]:
    """Return the faults of the headers of a response."""
    policy = answer.get("Content-Security-Policy", "")
    found = {
        "no content security policy": not policy.startswith("default-src 'none'"),
        "an unsafe content security policy": "unsafe" in policy or "*" in policy or "http" in policy,
        "frames allowed": answer.get("X-Frame-Options") != "DENY",
        "content sniffing allowed": answer.get("X-Content-Type-Options") != "nosniff",
        "caching allowed": "no-store" not in answer.get("Cache-Control", ""),
        "referrer sent to other sites": answer.get("Referrer-Policy") != "same-origin",
    }
    return [fault for fault, is_so in found.items() if is_so]


def _counts() -> Counter[str]:
    """Return the number of rows of each table and of users."""
    labels = ("linkaudit", "ncfd_site", "securities", "signals", "storage")
    models: list[type[Model]] = [
        User,
        *(model for label in labels for model in apps.get_app_config(label).get_models()),
    ]
    return Counter({model._meta.label: model._default_manager.count() for model in models})
