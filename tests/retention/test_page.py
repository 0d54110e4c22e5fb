"""The page of the retention policy."""

import pytest
from django.test import Client
from django.urls import reverse

from ncfd_site.jobs.models import Job
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("action", "apply"), [("count", False), ("delete", True)])
def test_page_shows_the_policy_and_starts_a_job(client: Client, action: str, apply: bool) -> None:
    client.force_login(make_user("operator", "olga"))
    page = client.get(reverse("retention")).content.decode()
    assert "keep daily: 30, keep weekly: 52" in page
    response = client.post(reverse("retention"), {"action": action})
    job = Job.objects.get(kind="prune")
    assert response["Location"] == reverse("jobs:job", args=[job.pk])
    assert (job.arguments, job.requested_by) == ({"apply": apply}, "olga")
    # One job at a time.
    assert client.post(reverse("retention"), {"action": action})["Location"] == reverse("retention")
    assert Job.objects.count() == 1
    assert f"Job {job.pk}: Prune" in client.get(reverse("retention")).content.decode()
