"""Clients of the admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ncfd_site.core.roles import Role
from tests import factories


@pytest.fixture
def signed_in() -> Callable[[str], Client]:
    """Return a client for a role, "superuser", "guest" (without a group) or "anonymous"."""

    def sign_in(who: str) -> Client:
        client = Client()
        if who != "anonymous":
            client.force_login(person(who))
        return client

    return sign_in


def person(who: str) -> User:
    """Create a user of a role, a superuser, or a user without a group."""
    if who == "superuser":
        return User.objects.create_superuser("sue", password=factories.PASSWORD)
    return factories.make_user(None if who == "guest" else Role(who))
