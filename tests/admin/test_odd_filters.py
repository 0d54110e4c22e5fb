"""Filters with values that no row can have: no list of the admin fails, and no export of one."""

import logging
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = ("\0", "no such value", "9" * 40, "infinity")
PAGES = {model: page for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyAdmin)}


def parameters(model: type[Model], user: User) -> set[str]:
    """Return the names that filter a list: those of its filters, and those that its filters let into the URL."""
    request = RequestFactory().get("/")
    request.user = user
    changes = PAGES[model].get_changelist_instance(request)
    offered = {name for spec in changes.filter_specs for name in spec.expected_parameters() if name}
    return offered | {"q", "pk__in", *(f"{name.removesuffix('__exact')}__exact" for name in offered)}


def test_no_value_of_a_filter_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "django.request")
    user = make_user(None, "root", is_superuser=True, is_staff=True)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    failed = []
    for model in PAGES:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for name in sorted(parameters(model, user)):
            for value in VALUES:
                target = f"{address}?{name}={quote(value)}"
                if client.get(target).status_code not in (200, 302, 400):
                    failed.append(target)
    assert failed == []


def test_an_export_with_such_a_filter_is_refused() -> None:
    client = Client()
    client.force_login(make_user(None, "root", is_superuser=True, is_staff=True))
    assert client.get("/exports/linkaudit.assetalias/csv/?alias_type__exact=x").status_code == 400
    assert client.get("/exports/linkaudit.linkaudit/csv/?label_source__exact=%00").status_code == 400
