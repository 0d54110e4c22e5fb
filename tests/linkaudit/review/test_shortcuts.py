"""A user chooses keyboard shortcuts, or turns them off."""

from collections.abc import Callable

import pytest

from linkaudit.review.shortcuts import DEFAULTS
from tests.linkaudit.review.conftest import Reviewer, draw, make_links
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]


def test_chosen_shortcuts_are_used_and_shown(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    answer = rita.client.post("/review/shortcuts/", {**DEFAULTS, "on": "on", "right": "A", "unsure": ""}, follow=True)
    assert "Saved in this browser." in text_of(answer)
    page = rita.client.get(rita.lease_address()).content.decode()
    assert 'value="right" data-key="a"' in page
    assert "Right <kbd>A</kbd>" in page
    assert 'data-key="y"' not in page
    assert 'value="unsure">' in page


def test_shortcuts_are_off(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    rita.client.post("/review/shortcuts/", DEFAULTS)
    page = rita.client.get(rita.lease_address()).content.decode()
    assert 'data-key="y"' not in page
    assert '<meta name="keys" content="off">' in page
    assert '<meta name="keys" content="off">' in rita.client.get("/links/").content.decode()
    rita.client.post("/review/shortcuts/", {"defaults": "1"})
    assert 'data-key="y"' in rita.client.get(rita.lease_address()).content.decode()


def test_key_for_two_actions_is_rejected(sign_in: SignIn) -> None:
    rita = sign_in()
    answer = rita.client.post("/review/shortcuts/", {**DEFAULTS, "on": "on", "wrong": "y"})
    assert answer.status_code == 400
    assert "Y is already used for Right." in text_of(answer)


def test_forged_cookie_is_ignored(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    rita.client.post("/review/shortcuts/", DEFAULTS)
    (name,) = [name for name in rita.client.cookies if name.startswith("shortcuts_")]
    rita.client.cookies[name] = "x" + rita.client.cookies[name].value
    assert 'data-key="y"' in rita.client.get(rita.lease_address()).content.decode()
