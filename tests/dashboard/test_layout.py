"""Layout of the home page: order by role and by choice, hidden tiles, and movements since the last visit."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ncfd_site.core.roles import Role
from ncfd_site.dashboard.layout import Layout
from tests.dashboard.test_tiles import score, words
from tests.factories import make_trial, make_user

pytestmark = pytest.mark.django_db


def read_keys(client: Client) -> list[str]:
    return re.findall(r'class="board-tile" id="tile-(\w+)"', client.get("/").content.decode())


def test_work_of_the_role_is_first(client: Client) -> None:
    firsts = {}
    for role in Role:
        client.force_login(make_user(role))
        firsts[role] = read_keys(client)[:3]
    assert firsts == {
        Role.REVIEWER: ["queue", "movements", "readouts"],
        Role.ADJUDICATOR: ["queue", "disagreements", "movements"],
        Role.OPERATOR: ["loads", "running", "content"],
        Role.ANALYST: ["movements", "readouts", "risk"],
    }


def test_tiles_are_ordered_and_hidden(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST))
    keys = read_keys(client)
    shown = [key for key in keys if key != "gates"]
    answer = client.post("/layout/", {"shown": shown, "move": "readouts:up"})
    assert answer["Location"] == "/#layout"
    assert read_keys(client) == ["readouts", "movements", *shown[2:]]
    client.post("/layout/", {"shown": shown, "move": "readouts:up"})
    client.post("/layout/", {"shown": shown, "move": "unknown:down"})
    assert read_keys(client) == ["readouts", "movements", *shown[2:]]
    # Another user of the browser has another layout, and a forged one counts as none.
    client.force_login(make_user(Role.ANALYST, "anton"))
    assert read_keys(client) == keys
    anna = make_user(Role.ANALYST, "anna")
    client.force_login(anna)
    client.cookies[f"home_{anna.pk}"] = '[["queue"], [], null, null]:forged'
    assert read_keys(client) == keys
    client.post("/layout/", {"shown": shown})
    client.post("/layout/", {"reset": "1"})
    assert read_keys(client) == keys


def test_a_visit_ends_half_an_hour_after_its_last_page() -> None:
    now = timezone.now()
    first = Layout().mark_visit(now)
    assert (first.seen_at, first.visited_at) == (now, None)
    same = first.mark_visit(now + timedelta(minutes=29))
    assert (same.seen_at, same.visited_at) == (now + timedelta(minutes=29), None)
    assert same.mark_visit(now + timedelta(minutes=60)).visited_at == same.seen_at


def test_movements_are_those_since_the_last_visit(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST))
    for number, (days, moved) in enumerate(((20, "0.80000"), (3, "0.70000"), (2, "0.20000"))):
        trial = make_trial(is_pivotal=True, est_primary_completion_date=timezone.localdate() + timedelta(days=days))
        score(trial, f"before {number}", "0.40000", 30)
        score(trial, f"after {number}", moved, days)
    page = client.get("/")
    # Without an earlier visit, a week counts; the first trial moved before that.
    assert "risen 1" in words(page, "movements")
    assert "fallen 1" in words(page, "movements")
    assert "40.0 % to 70.0 %" in words(page, "movements")
    assert "pivotal, within 30 days 3" in words(page, "readouts")
