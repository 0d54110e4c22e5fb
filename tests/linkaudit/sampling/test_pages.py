"""Drawing and closing on the page of a heuristic."""

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


def test_the_form_says_from_how_many_links(olga: Client) -> None:
    make_open_links("HP-1", 30)
    make_sample(size=10)
    words = text_of(olga.get("/heuristics/HP-1/"))
    assert "draws at random from the 20 links of HP-1 that no sample for precision has had: 20 places" in words
    assert "in the queue and about 3 second opinions, unless you change that below." in words


def test_a_post_starts_a_job(olga: Client) -> None:
    make_open_links("HP 1/2", 30)
    answer = olga.post("/heuristics/HP 1/2/samples/draw/", {"size": "12", "second_percent": "12.5"})
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/jobs/{job.pk}/"
    assert job.kind == "linkaudit_draw_sample"
    assert (job.arguments["heuristic"], job.arguments["size"], job.arguments["second_share"]) == ("HP 1/2", 12, "0.125")
    assert "12 links of HP 1/2, 12.5% of them with a second opinion" in text_of(olga.get(f"/jobs/{job.pk}/"))


@pytest.mark.parametrize("size", ["0", "x", "100001", ""])
def test_a_wrong_size_is_told_beside_the_field(olga: Client, size: str) -> None:
    make_open_links("HP-1", 30)
    page = olga.post("/heuristics/HP-1/samples/draw/", {"size": size, "second_percent": "15"})
    assert page.status_code == 400
    assert 'class="errorlist"' in page.content.decode()
    assert not Job.objects.exists()


def test_unknown_ones_are_not_found(olga: Client) -> None:
    given = {"size": "1", "second_percent": "0"}
    assert olga.post("/heuristics/HP-9/samples/draw/", given).status_code == 404
    assert olga.post("/heuristics/%00/samples/draw/", given).status_code == 404
    assert olga.post("/samples/9/close/").status_code == 404


def test_a_sample_is_closed(olga: Client) -> None:
    make_open_links("HP-1", 30)
    sample = make_sample(size=10)
    words = text_of(olga.post(f"/samples/{sample.pk}/close/", follow=True))
    assert f"Sample {sample.pk} is closed: its open places are served no more." in words
    assert "by olga" in words
    assert ReviewSample.objects.get().closed_by == "olga"


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST])
def test_others_neither_see_the_form_nor_can_send_it(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    make_open_links("HP-1", 30)
    sample = make_sample(size=10)
    assert "Draw a sample" not in text_of(client.get("/heuristics/HP-1/"))
    assert client.post("/heuristics/HP-1/samples/draw/", {"size": "1", "second_percent": "0"}).status_code == 403
    assert client.post(f"/samples/{sample.pk}/close/").status_code == 403


def test_neither_is_done_by_a_get(olga: Client) -> None:
    make_open_links("HP-1", 3)
    assert olga.get("/heuristics/HP-1/samples/draw/").status_code == 405
    assert olga.get(f"/samples/{make_sample(size=1).pk}/close/").status_code == 405
