"""The help: docs as pages, glossary, shortcuts, tour, and the search in it."""

import re

import pytest
from django.conf import settings
from django.test import Client

from ncfd_site.core.roles import Role
from ncfd_site.web.help import documents
from signals.formulas import GATES, SIGNALS
from tests.factories import make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(client: Client) -> Client:
    """The client of an analyst."""
    client.force_login(make_user(Role.ANALYST))
    return client


def test_every_link_and_picture_of_a_doc_leads_to_a_page(ana: Client) -> None:
    names = documents.list_documents()
    assert {"trials", "README", "adr/0004-pivotal-means-phase-3"} <= names.keys()
    pages = {f"/help/{name}/": documents.render_document(name).html for name in names}
    addresses = {address for html in pages.values() for address in re.findall(r'(?:href|src)="([^"]+)"', html)}
    inside = {address.partition("#")[0] for address in addresses if not re.match(r"https?://|#", address)}
    assert "/help/scoring/" in inside
    pictures = {address for address in inside if address.endswith(".png")}
    assert {f"/help/{path.name}" for path in (settings.BASE_DIR / "docs").glob("*.png")} >= pictures > set()
    assert inside - pictures <= pages.keys()
    for address in pictures:
        picture = ana.get(address)
        assert picture.headers["Content-Type"] == "image/png"
        assert b"".join(picture.streaming_content)[1:4] == b"PNG"  # type: ignore[attr-defined]
    anchors = [address for html in pages.values() for address in re.findall(r'href="(/help/[^"]+#[^"]+)"', html)]
    assert anchors
    for page, _, anchor in (address.partition("#") for address in anchors):
        assert f'id="{anchor}"' in pages[page], f"{page}#{anchor}"


def test_a_doc_is_a_page_with_its_heading(ana: Client) -> None:
    page = ana.get("/help/scoring/")
    html = page.content.decode()
    assert re.findall(r"<h1>([^<]+)</h1>", html) == ["Scoring"]
    assert '<h2 id="model">Model</h2>' in html
    assert '<table class="list">' in html
    # Files that are not docs are named, not linked.
    assert 'href="../CONTRIBUTING.md"' not in ana.get("/help/README/").content.decode()
    assert "CONTRIBUTING.md" in text_of(ana.get("/help/README/"))
    for address in ("/help/nothing/", "/help/../README/", "/help/..%2F..%2FREADME/", "/help/nothing.png"):
        assert ana.get(address).status_code == 404
    index = text_of(ana.get("/help/"))
    assert "Glossary" in index
    assert "How precision is measured" in index


def test_the_glossary_defines_every_code(ana: Client) -> None:
    html = ana.get("/help/glossary/").content.decode()
    shown = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", html))
    assert set(SIGNALS) <= shown.keys()
    assert {name.split()[0] for name in shown} >= {*GATES, "HP-1", "HP-2", "HP-3", "HP-4"}
    assert shown["S1"] == "fires if the primary endpoint changed after registration"
    assert shown["G1 Alpha-Meltdown"].startswith("rule S1 and S2; likelihood ratio by the worst severity")
    assert shown["HP-4"].endswith("confidence 0.85")
    assert shown["tombstone"].startswith("The record of bytes")
    names = [term.name for term in documents.list_terms() if term.kind == "term"]
    assert names == sorted(names, key=str.casefold)
    assert 'id="s1"' in html


def test_the_search_finds_terms_and_docs(ana: Client) -> None:
    def find(text: str) -> list[tuple[str, str]]:
        groups = ana.get("/search/", {"q": text}).context["groups"]
        return [(hit.title, hit.url) for group in groups if group.provider.key == "help" for hit in group.hits]

    assert find("s1") == [("S1", "/help/glossary/#s1")]
    assert ("tombstone", "/help/glossary/#tombstone") in find("tomb")
    assert ("Scoring", "/help/scoring/") in find("scoring")


def test_the_shortcuts_are_those_of_the_user(client: Client) -> None:
    client.force_login(make_user(Role.REVIEWER))
    assert "Y Right N Wrong" in text_of(client.get("/help/shortcuts/"))
    client.post("/review/shortcuts/", {"on": "on", "right": "a", "wrong": "n"})
    panel = client.get("/help/shortcuts/?panel=1")
    assert "A Right N Wrong Change the keys" in text_of(panel)
    assert b"<html" not in panel.content
    client.post("/review/shortcuts/", {})
    assert "Review desk Shortcuts are off." in text_of(client.get("/help/shortcuts/"))
    client.force_login(make_user(Role.ANALYST))
    page = text_of(client.get("/help/shortcuts/"))
    assert "/ Search" in page
    assert "Review desk" not in page


@pytest.mark.parametrize("role", Role)
def test_the_tour_has_three_pages_of_the_role_until_it_is_dismissed(client: Client, role: Role) -> None:
    user = make_user(role)
    client.force_login(user)
    html = client.get("/").content.decode()
    tour = html.partition('<section class="tour"')[2].partition("</section>")[0]
    steps = re.findall(r'<li><a href="([^"]+)"', tour)
    assert [client.get(step).status_code for step in steps] == [200, 200, 200]
    assert client.post("/help/tour/end/").headers["Location"] == "/"
    assert 'class="tour"' not in client.get("/").content.decode()
    # Another user of the same browser has a tour of their own.
    client.force_login(make_user(role, "someone"))
    assert 'class="tour"' in client.get("/").content.decode()


def test_users_without_a_role_have_no_tour(client: Client) -> None:
    client.force_login(make_user(None))
    assert 'class="tour"' not in client.get("/").content.decode()


def test_each_operation_of_the_api_has_an_example_and_a_form(ana: Client) -> None:
    html = ana.get("/api/v1/").content.decode()
    operations = html.count('<article class="operation"')
    assert html.count(" data-try>") == html.count("Example: <code>curl") == operations > 20
    assert "http://testserver/api/v1/trials/{nct_id}" in html
    assert 'name="nct_id" size="14" autocomplete="off" data-place="path" required' in html
