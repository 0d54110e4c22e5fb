"""Exports of lists: the rows of the screen on all pages, for those who may, and nothing that is hidden from them."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from linkaudit.models import HeuristicPrecision, LinkAudit
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.core.roles import Role
from signals.models import Trial
from storage.admin.documents import DocumentAdmin
from storage.models import Document
from tests.factories import POSTED, make_asset, make_document, make_link_audit, make_trial, make_user
from tests.sql import rolled_back

pytestmark = pytest.mark.django_db

MODELS = sorted(
    (model for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyAdmin)),
    key=lambda model: model._meta.label,
)


def exported(client: Client, address: str) -> list[dict[str, Any]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer
    found: dict[str, Any] = json.loads(b"".join(answer.streaming_content).decode())  # type: ignore[attr-defined]
    rows: list[dict[str, Any]] = found["rows"]
    assert found["count"] == len(rows)
    return rows


def test_the_rows_are_those_of_the_screen_on_all_pages(ana: Client) -> None:
    Trial.objects.bulk_create(
        Trial(nct_id=f"NCT{number:08}", is_pivotal=number % 2 == 0, last_seen_at=POSTED, phase="PHASE3")
        for number in range(250)
    )
    query = "is_pivotal=yes&o=-1&p=2"
    shown: list[str] = []
    for page in (1, 2):
        listed = ana.get(reverse("admin:signals_trial_changelist"), {"is_pivotal": "yes", "o": "-1", "p": page})
        shown += [row.nct_id for row in listed.context["cl"].result_list]
    assert len(shown) == 125
    rows = exported(ana, f"/exports/signals.trial/json/?{query}")
    assert [row["nct_id"] for row in rows] == shown
    assert rows[0]["last_seen_at"] == "2024-03-01T12:00:00+00:00"


def test_the_links_of_the_site_are_exported_as_filtered(ana: Client) -> None:
    asset, doc = make_asset("Semaglutide"), make_document("A record.")
    kept = [make_link_audit(asset=asset, doc=doc, confidence=f"0.{number}").pk for number in (91, 93, 92)]
    make_link_audit(label=True)
    rows = exported(ana, "/exports/links/json/?q=sema&sort=-confidence")
    assert [row["audit_id"] for row in rows] == [kept[1], kept[2], kept[0]]
    assert rows[0]["confidence"] == 0.93
    assert rows[0]["evidence_jsonb"] == {"matched_alias": "asset"}
    columns = "columns=link,trial,asset,document,heuristic,confidence"
    assert f"/exports/links/csv/?q=sema&amp;{columns}" in ana.get("/links/?q=sema").content.decode()
    # The file has the columns of the list, and states that the list has open links only.
    page = ana.get("/links/?heuristic=HP-2&columns=label,link").content.decode()
    headings = re.findall(r"<th[^>]*>(?:<a[^>]*>)?([A-Z]\w+)", page)
    assert headings == ["Label", "Link"]
    answer = ana.get("/exports/links/jsonl/?heuristic=HP-2&columns=label,link")
    first, row, *_ = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert json.loads(first) | {"written_at": ""} == {
        "list": "links", "filter": "HP-2; open links", "count": 3, "written_at": ""
    }  # fmt: skip
    assert list(json.loads(row)) == ["label", "label_source", "reviewed_by", "reviewed_at", "audit_id"]
    assert answer["Content-Disposition"].startswith('attachment; filename="link_audit-hp-2-open-links-20')
    assert ana.get("/links/?columns=link,x").context["page"] is None
    assert ana.get("/exports/links/csv/?columns=x").status_code == 400


def test_a_formula_in_a_note_is_defused_and_the_file_names_table_and_moment(ana: Client) -> None:
    make_link_audit(label=True, review_notes="=1+1")
    answer = ana.get("/exports/linkaudit.linkaudit/csv/")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.startswith("# links: no filter; rows: 1; 20")
    (row,) = csv.DictReader(io.StringIO(text.partition("\n")[2]))
    assert (row["review_notes"], row["label"], row["confidence"]) == ("'=1+1", "true", "0.95")
    assert answer["Content-Disposition"].startswith('attachment; filename="link_audit-no-filter-20')
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]


def test_every_list_of_the_admin_can_be_exported(client: Client, subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label), rolled_back():
            client.force_login(make_user(Role.OPERATOR))
            answer = client.get(reverse("exports:export", args=[model._meta.label_lower, "jsonl"]))
            assert answer.status_code == 200
            b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_the_lists_of_the_admin_offer_it(ana: Client) -> None:
    make_trial()
    page = ana.get(reverse("admin:signals_trial_changelist"), {"is_pivotal": "yes"}).content.decode()
    assert "/exports/signals.trial/jsonl/?is_pivotal=yes" in page


@pytest.mark.parametrize(
    ("who", "status"),
    [(Role.REVIEWER, 403), (Role.ADJUDICATOR, 200), (Role.OPERATOR, 200), (Role.ANALYST, 200), (None, 403)],
)
def test_who_may_export(client: Client, who: Role | None, status: int) -> None:
    make_link_audit()
    client.force_login(make_user(who))
    for address in ("/exports/links/csv/", "/exports/linkaudit.linkaudit/json/"):
        answer = client.get(address)
        assert answer.status_code == status
        assert client.post(address).status_code == (302 if status == 200 else 403)
    if who == Role.REVIEWER:
        assert "/exports/" not in client.get("/links/").content.decode()
        assert "/exports/" not in client.get(reverse("admin:linkaudit_linkaudit_changelist")).content.decode()


def test_export_needs_the_permission_to_view_the_table(client: Client) -> None:
    client.force_login(make_user(Role.ADJUDICATOR))
    assert client.get("/exports/storage.storageobject/csv/").status_code == 403
    assert Client().get("/exports/links/csv/").status_code == 302


def test_what_is_hidden_from_a_person_is_not_exported(client: Client) -> None:
    make_document("text")
    hidden = {"storage_uri": "storage.view_storageobject"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DocumentAdmin, "hidden_fields", hidden)
        client.force_login(make_user(Role.ADJUDICATOR))
        assert "storage_uri" not in exported(client, "/exports/storage.document/json/")[0]
        client.force_login(make_user(Role.ANALYST))
        assert "storage_uri" in exported(client, "/exports/storage.document/json/")[0]
    assert Document.objects.count() == 1


@pytest.mark.parametrize("address", ["none", "auth.user", "signals.none", "x.y", "a.b.c"])
def test_what_is_no_list_is_not_found(address: str, ana: Client) -> None:
    assert ana.get(f"/exports/{address}/csv/").status_code == 404


def test_an_unknown_format_is_not_found_and_an_invalid_filter_is_reported(ana: Client) -> None:
    assert ana.get("/exports/links/xlsx/").status_code == 404
    for address in ("/exports/links/csv/?sort=password", "/exports/signals.trial/csv/?no_such=1"):
        answer = ana.get(address)
        assert answer.status_code == 400
        assert b"Nothing was exported." in answer.content


def test_models_are_known() -> None:
    assert {LinkAudit, HeuristicPrecision, Trial} <= set(MODELS)
