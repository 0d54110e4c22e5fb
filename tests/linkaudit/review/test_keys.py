"""A person chooses the keys, or none."""

from collections.abc import Callable

import pytest

from linkaudit.review.keys import DEFAULTS
from tests.linkaudit.review.conftest import Reviewer, draw, make_links
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]


def test_other_keys_are_used_and_shown(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    answer = rita.client.post("/review/keys/", {**DEFAULTS, "on": "on", "right": "A", "unsure": ""}, follow=True)
    assert "Kept for you in this browser." in text_of(answer)
    page = rita.client.get(rita.address()).content.decode()
    assert 'value="right" data-key="a"' in page
    assert "Right <kbd>A</kbd>" in page
    assert 'data-key="y"' not in page
    assert 'value="unsure">' in page


def test_no_keys_at_all(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    rita.client.post("/review/keys/", DEFAULTS)
    page = rita.client.get(rita.address()).content.decode()
    assert "data-key" not in page
    assert '<meta name="keys" content="off">' in page
    assert '<meta name="keys" content="off">' in rita.client.get("/links/").content.decode()
    rita.client.post("/review/keys/", {"defaults": "1"})
    assert 'data-key="y"' in rita.client.get(rita.address()).content.decode()


def test_a_key_that_would_do_two_things_is_refused(sign_in: SignIn) -> None:
    rita = sign_in()
    answer = rita.client.post("/review/keys/", {**DEFAULTS, "on": "on", "wrong": "y"})
    assert answer.status_code == 400
    assert "Y is the key of “Right” already." in text_of(answer)


def test_a_forged_cookie_counts_for_nothing(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    rita.client.post("/review/keys/", DEFAULTS)
    (name,) = [name for name in rita.client.cookies if name.startswith("keys_")]
    rita.client.cookies[name] = "x" + rita.client.cookies[name].value
    assert 'data-key="y"' in rita.client.get(rita.address()).content.decode()
