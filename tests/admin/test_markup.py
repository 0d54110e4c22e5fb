"""Pages of the admin have no inline scripts or styles."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.test import Client

from tests.admin.test_access import NAMES, POSTED, address, expected
from tests.sql import rolled_back

pytestmark = pytest.mark.django_db


class Inline(HTMLParser):
    """Collects what a policy without 'unsafe-inline' refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check the attributes of an element."""
        given = dict(attrs)
        data = given.get("type") == "application/json"
        if tag == "style" or (tag == "script" and "src" not in given and not data):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        self.found += [f"{tag} {text}" for text in given.values() if re.match(r"\s*javascript:", text or "")]


def test_pages_have_no_inline_scripts_or_styles(signed_in: Callable[[str], Client], subtests: pytest.Subtests) -> None:
    for name in [name for name in NAMES if name not in POSTED and "superuser" in expected(name)]:
        with subtests.test(name), rolled_back():
            page = signed_in("superuser").get(address(name))
            if not page["Content-Type"].startswith("text/html"):
                continue  # What completes a field, and the words of the scripts.
            inline = Inline()
            inline.feed(page.content.decode())
            assert inline.found == []
