"""Samples are drawn and closed on the page of a heuristic."""

import pytest
from django.test import Client

from linkaudit.models import ReviewSample
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from tests.factories import make_user
from tests.linkaudit.reviewing import make_open_links, make_sample
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client: Client) -> Client:
    client.force_login(make_user(Role.OPERATOR))
    return client


def test_form_shows_the_links_left_to_draw(olga: Client) -> None:
    make_open_links("HP-1", 30)
    make_sample(size=10)
    words = text_of(olga.get("/heuristics/HP-1/"))
    assert "20 links of HP-1 were in no precision sample yet." in words
    assert "By default, a job draws 20 items and about 3 second opinions at random" in words


def test_post_starts_a_job(olga: Client) -> None:
    make_open_links("HP 1/2", 30)
    answer = olga.post("/heuristics/HP 1/2/samples/draw/", {"size": "12", "second_percent": "12.5"})
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/jobs/{job.pk}/"
    assert job.kind == "linkaudit_draw_sample"
    assert (job.arguments["heuristic"], job.arguments["size"], job.arguments["second_share"]) == ("HP 1/2", 12, "0.125")
    assert "12 links of HP 1/2, 12.5% with a second opinion" in text_of(olga.get(f"/jobs/{job.pk}/"))


@pytest.mark.parametrize("size", ["0", "x", "100001", ""])
def test_invalid_size_is_shown_at_the_field(olga: Client, size: str) -> None:
    make_open_links("HP-1", 30)
    page = olga.post("/heuristics/HP-1/samples/draw/", {"size": size, "second_percent": "15"})
    assert page.status_code == 400
    assert 'class="errorlist"' in page.content.decode()
    assert not Job.objects.exists()


def test_unknown_heuristics_and_samples_are_not_found(olga: Client) -> None:
    values = {"size": "1", "second_percent": "0"}
    assert olga.post("/heuristics/HP-9/samples/draw/", values).status_code == 404
    assert olga.post("/heuristics/%00/samples/draw/", values).status_code == 404
    assert olga.post("/samples/9/close/").status_code == 404


def test_sample_is_closed(olga: Client) -> None:
    make_open_links("HP-1", 30)
    sample = make_sample(size=10)
    words = text_of(olga.post(f"/samples/{sample.pk}/close/", follow=True))
    assert f"Sample {sample.pk} closed." in words
    assert "by olga" in words
    assert ReviewSample.objects.get().closed_by == "olga"


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST])
def test_other_roles_cannot_draw_or_close(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    make_open_links("HP-1", 30)
    sample = make_sample(size=10)
    assert "Draw a sample" not in text_of(client.get("/heuristics/HP-1/"))
    assert client.post("/heuristics/HP-1/samples/draw/", {"size": "1", "second_percent": "0"}).status_code == 403
    assert client.post(f"/samples/{sample.pk}/close/").status_code == 403


def test_draw_and_close_require_post(olga: Client) -> None:
    make_open_links("HP-1", 3)
    assert olga.get("/heuristics/HP-1/samples/draw/").status_code == 405
    assert olga.get(f"/samples/{make_sample(size=1).pk}/close/").status_code == 405
