"""Clients with API tokens."""

from collections.abc import Callable

import pytest
from django.test import Client

from ncfd_site.api.tokens import create_token
from ncfd_site.core.roles import Role
from tests.factories import make_user

Program = Callable[..., Client]


@pytest.fixture
def program() -> Program:
    """Return a client with a token of a new user of a group."""

    def make(role: Role | None = Role.ANALYST, username: str = "") -> Client:
        made = create_token(make_user(role, username), "tests", 30)
        return Client(headers={"authorization": f"Bearer {made.text}"})

    return make


@pytest.fixture
def ana(program: Program) -> Client:
    """Client with a token of ana, an analyst."""
    return program()
