"""Access to every page of the admin for every group. A page without an expectation fails."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from ncfd_site.adminkit.links import build_object_id
from storage.models import StorageObject
from tests import factories
from tests.admin import rows
from tests.sql import rolled_back

pytestmark = pytest.mark.django_db

WHO = ("reviewer", "adjudicator", "operator", "analyst", "superuser", "guest", "anonymous")
ALL_ROLES = frozenset({"reviewer", "adjudicator", "operator", "analyst", "superuser"})
BUT_REVIEWERS = frozenset({"operator", "analyst", "superuser"})
OPERATORS = frozenset({"operator", "superuser"})
# Would bias a reviewer.
BUT_THE_BIASED = ALL_ROLES - {"reviewer"}
STAFF = ALL_ROLES | {"guest"}
SUPERUSER_ONLY = frozenset({"superuser"})
NO_ROLES: frozenset[str] = frozenset()

READERS = {
    "auth.group": SUPERUSER_ONLY,
    "auth.user": SUPERUSER_ONLY,
    "linkaudit.asset": ALL_ROLES,
    "linkaudit.assetalias": ALL_ROLES,
    "linkaudit.heuristicprecision": ALL_ROLES,
    "linkaudit.linkaudit": ALL_ROLES,
    "linkaudit.linkdisagreement": BUT_THE_BIASED,
    "linkaudit.linkpromotion": ALL_ROLES,
    "linkaudit.linkpromotionitem": ALL_ROLES,
    "linkaudit.linkreview": BUT_THE_BIASED,
    "linkaudit.mergecandidate": ALL_ROLES,
    "linkaudit.interimanalysis": BUT_THE_BIASED,
    "linkaudit.reviewsample": BUT_THE_BIASED,
    "linkaudit.reviewskip": BUT_THE_BIASED,
    "linkaudit.reviewslot": BUT_THE_BIASED,
    "linkaudit.studyassetlink": ALL_ROLES,
    "linkaudit.trialassetlink": ALL_ROLES,
    "api.apitoken": OPERATORS,
    "jobs.job": BUT_REVIEWERS,
    "jobs.jobpart": BUT_REVIEWERS,
    "jobs.jobschedule": BUT_REVIEWERS,
    "schema.migrationlog": BUT_REVIEWERS,
    "schema.schemaversion": BUT_REVIEWERS,
    "securities.activeussecurity": ALL_ROLES,
    "securities.company": ALL_ROLES,
    "securities.companyalias": ALL_ROLES,
    "securities.companycanonical": ALL_ROLES,
    "securities.companyrelationship": ALL_ROLES,
    "securities.companysecurity": ALL_ROLES,
    "securities.companyticker": ALL_ROLES,
    "securities.exchange": ALL_ROLES,
    "securities.resolverdecision": ALL_ROLES,
    "securities.resolverfeature": ALL_ROLES,
    "securities.resolverflag": ALL_ROLES,
    "securities.resolverignoredsponsor": ALL_ROLES,
    "securities.resolverlabel": ALL_ROLES,
    "securities.resolverllmlog": ALL_ROLES,
    "securities.resolverrule": ALL_ROLES,
    "securities.reviewqueueitem": ALL_ROLES,
    "securities.security": ALL_ROLES,
    "signals.gate": ALL_ROLES,
    "signals.ingestrun": ALL_ROLES,
    "signals.ingeststate": ALL_ROLES,
    "signals.registryhistoryversion": ALL_ROLES,
    "signals.score": ALL_ROLES,
    "signals.scorerun": ALL_ROLES,
    "signals.signal": ALL_ROLES,
    "signals.signalevaluation": ALL_ROLES,
    "signals.stagingerror": ALL_ROLES,
    "signals.study": ALL_ROLES,
    "signals.trial": ALL_ROLES,
    "signals.trialcurrentscore": ALL_ROLES,
    "signals.trialversion": ALL_ROLES,
    "storage.document": ALL_ROLES,
    "storage.documentcitation": ALL_ROLES,
    "storage.documentnote": ALL_ROLES,
    "storage.documenttable": ALL_ROLES,
    "storage.documenttextpage": ALL_ROLES,
    "storage.storageevent": BUT_REVIEWERS,
    "storage.storageobject": BUT_REVIEWERS,
    "storage.storagereference": BUT_REVIEWERS,
    "storage.storagetombstone": BUT_REVIEWERS,
}
# Pages that add or delete rows.
WRITERS = {
    "auth_group_add": SUPERUSER_ONLY,
    "auth_group_delete": SUPERUSER_ONLY,
    "auth_user_add": SUPERUSER_ONLY,
    "auth_user_delete": SUPERUSER_ONLY,
    "auth_user_password_change": SUPERUSER_ONLY,
    "securities_companysecurity_add": frozenset({"operator", "superuser"}),
    "securities_companysecurity_delete": frozenset({"operator", "superuser"}),
    "securities_companyrelationship_add": SUPERUSER_ONLY,
    "securities_companyrelationship_delete": SUPERUSER_ONLY,
}
# Pages for POST only. Without fields, they redirect with a message.
POSTED = {
    "linkaudit_linkaudit_bulk": frozenset({"adjudicator", "superuser"}),
    "linkaudit_linkaudit_label": frozenset({"reviewer", "adjudicator", "superuser"}),
    "storage_reference_add": frozenset({"operator", "superuser"}),
    "storage_reference_release": frozenset({"operator", "superuser"}),
}
# Pages of the admin that are about no one table.
OTHERS = {
    "linkaudit_linkaudit_bulk_filter": frozenset({"adjudicator", "superuser"}),
    "index": STAFF,
    "app_list": ALL_ROLES,
    "autocomplete": ALL_ROLES,
    "jsi18n": STAFF,
    "password_change": STAFF,
    "password_change_done": STAFF,
    "signals_score_table": READERS["signals.score"],
    "storage_storageobject_gc_candidates": BUT_REVIEWERS,
}
# Neither shows data: signing in and out is everybody's, the others only lead on to a page that is listed here.
REDIRECTS = {"login", "logout", "view_on_site", None}

_numbers = count(1)
ROW_MAKERS: dict[Any, Callable[[], Any]] = {
    **rows.MAKERS,
    Group: Group.objects.first,
    User: lambda: factories.make_user(None, f"carl {next(_numbers)}"),
}


def _names(patterns: Any) -> Iterator[str | None]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern.name


NAMES = sorted({name for name in _names(admin.site.get_urls()) if name is not None and name not in REDIRECTS})
MODELS = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}


def expected(name: str) -> frozenset[str]:
    """Return who may open a page. Raises KeyError for a page without an expectation."""
    for table in (WRITERS, POSTED, OTHERS):
        if name in table:
            return table[name]
    table_name, _, action = name.rpartition("_")
    readers = READERS[MODELS[table_name]._meta.label_lower]
    return {"changelist": readers, "change": readers, "history": readers, "add": NO_ROLES, "delete": NO_ROLES}[action]


def address(name: str) -> str:
    """Return the URL of a page, with a row if it needs one."""
    if name == "app_list":
        return reverse("admin:app_list", args=["linkaudit"])
    if name == "autocomplete":
        query = "?app_label=securities&model_name=companysecurity&field_name=company&term=a"
        return reverse("admin:autocomplete") + query
    about_no_row = name.endswith(("_changelist", "_bulk")) or (name.endswith("_add") and name not in POSTED)
    if name in OTHERS or about_no_row:
        return reverse(f"admin:{name}")
    model = {"storage_reference_add": "storage_storageobject", "storage_reference_release": "storage_storageobject"}
    table = model.get(name) or next(table for table in MODELS if name.startswith(f"{table}_"))
    return reverse(f"admin:{name}", args=[build_object_id(ROW_MAKERS[MODELS[table]]())])


def answer(client: Client, name: str) -> int:
    """Return the status of a page."""
    send = client.post if name in POSTED else client.get
    return send(address(name)).status_code


def test_every_table_is_in_the_admin() -> None:
    models = {
        model for label in ("api", "jobs", "linkaudit", "schema", "securities", "signals", "storage")
        for model in apps.get_app_config(label).get_models()
    }  # fmt: skip
    assert models - admin.site._registry.keys() == set()


def test_every_table_has_expected_readers() -> None:
    assert {model._meta.label_lower for model in admin.site._registry} == READERS.keys()


def test_pages_are_found() -> None:
    assert len(NAMES) > 100


def test_a_page_opens_only_for_its_readers(signed_in: Callable[[str], Client], subtests: pytest.Subtests) -> None:
    for name in NAMES:
        with subtests.test(name), rolled_back():
            may = expected(name)
            allowed = 302 if name in POSTED else 200
            wanted = {who: allowed if who in may else 302 if who == "anonymous" else 403 for who in WHO}
            # Without a group, no table is listed.
            if name == "app_list":
                wanted["guest"] = 404
            assert {who: answer(signed_in(who), name) for who in WHO} == wanted


def test_an_action_refuses_get(signed_in: Callable[[str], Client], subtests: pytest.Subtests) -> None:
    for name in sorted(POSTED):
        with subtests.test(name), rolled_back():
            assert signed_in("superuser").get(address(name)).status_code == 405


def test_anonymous_users_are_sent_to_sign_in(signed_in: Callable[[str], Client]) -> None:
    page = signed_in("anonymous").get(reverse("admin:linkaudit_linkaudit_changelist"))
    assert page.status_code == 302
    assert "login" in page["Location"]


@pytest.mark.parametrize("who", [who for who in WHO if who != "anonymous"])
def test_only_staff_users_reach_the_admin(who: str, signed_in: Callable[[str], Client]) -> None:
    client = signed_in(who)
    User.objects.update(is_staff=False)
    page = client.get(reverse("admin:linkaudit_linkaudit_changelist"))
    assert page.status_code == 302
    assert page["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("who", ["reviewer", "adjudicator"])
def test_a_reviewer_sees_no_storage_locations(who: str, signed_in: Callable[[str], Client]) -> None:
    client = signed_in(who)
    content = rows.make(StorageObject)
    document = factories.make_document(object=content, storage_uri="local://hidden")
    study = factories.make_study(object=content)
    index = client.get(reverse("admin:index")).content.decode()
    assert "storageobject" not in index
    assert "storagereference" not in index
    for page in (
        reverse("admin:storage_document_change", args=[document.pk]),
        reverse("admin:signals_study_change", args=[study.pk]),
    ):
        text = client.get(page).content.decode()
        assert "storageobject" not in text
        assert "local://" not in text


def test_an_operator_sees_storage_locations(signed_in: Callable[[str], Client]) -> None:
    content = rows.make(StorageObject)
    document = factories.make_document(object=content, storage_uri="local://shown")
    text = signed_in("operator").get(reverse("admin:storage_document_change", args=[document.pk])).content.decode()
    assert "local://shown" in text
    assert reverse("admin:storage_storageobject_change", args=[content.pk]) in text
