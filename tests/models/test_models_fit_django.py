"""Models pass Django's own checks."""

from io import StringIO

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from securities.models import Company
from signals.models import Score

OWN_APPS = ("api", "jobs", "linkaudit", "schema", "securities", "signals", "storage")


@pytest.mark.django_db
def test_models_need_no_migrations() -> None:
    output = StringIO()

    call_command("makemigrations", check_changes=True, dry_run=True, stdout=output)

    assert output.getvalue().strip() == "No changes detected"


@pytest.mark.parametrize("label", OWN_APPS)
def test_app_has_no_managed_table_and_no_migration(label: str) -> None:
    assert settings.MIGRATION_MODULES[label] is None
    assert all(not model._meta.managed for model in apps.get_app_config(label).get_models())


def test_models_graph_has_relations() -> None:
    output = StringIO()

    call_command("graph_models", all_applications=True, dot=True, stdout=output)

    drawn = output.getvalue()
    assert drawn.startswith("digraph")
    for model in apps.get_models():
        assert model.__name__ in drawn
    assert "linkaudit_models_claims_LinkAudit -> storage_models_Document" in drawn


def test_join_of_integer_and_bigint_does_not_cast() -> None:
    # With a cast, PostgreSQL could not use the index of the key.
    assert "::" not in str(Score.objects.select_related("trial").query)
    assert "::" not in str(Company.objects.filter(security_links__company__name="a").query)
