"""Users of the pages on companies."""

import pytest
from django.test import Client

from ncfd_site.core.roles import Role
from tests.factories import make_user


@pytest.fixture
def ana(client: Client) -> Client:
    """A browser in which ana is signed in."""
    client.force_login(make_user(Role.ANALYST))
    return client
