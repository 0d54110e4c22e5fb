"""Fixtures of the explanation pages."""

import pytest
from django.test import Client

from ncfd_site.core.roles import Role
from signals.models import Trial
from tests.factories import make_trial, make_user


@pytest.fixture
def ana(client: Client) -> Client:
    client.force_login(make_user(Role.ANALYST))
    return client


@pytest.fixture
def trial() -> Trial:
    return make_trial(nct_id="NCT00000001", est_primary_completion_date="2027-01-14")
