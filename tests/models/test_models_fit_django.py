"""Django finds nothing to make or to complain of, and the models can be drawn."""

from io import StringIO

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from securities.models import Company
from signals.models import Score

OWN_APPS = ("api", "jobs", "linkaudit", "schema", "securities", "signals", "storage")


@pytest.mark.django_db
def test_there_are_no_migrations_to_make() -> None:
    said = StringIO()

    call_command("makemigrations", check_changes=True, dry_run=True, stdout=said)

    assert said.getvalue().strip() == "No changes detected"


@pytest.mark.parametrize("label", OWN_APPS)
def test_an_app_owns_no_table_and_no_migration(label: str) -> None:
    assert settings.MIGRATION_MODULES[label] is None
    assert all(not model._meta.managed for model in apps.get_app_config(label).get_models())


def test_models_are_drawn_with_their_relations() -> None:
    said = StringIO()

    call_command("graph_models", all_applications=True, dot=True, stdout=said)

    drawn = said.getvalue()
    assert drawn.startswith("digraph")
    for model in apps.get_models():
        assert model.__name__ in drawn
    assert "linkaudit_models_claims_LinkAudit -> storage_models_Document" in drawn


def test_a_join_over_integers_of_two_sizes_casts_neither() -> None:
    # A cast would keep PostgreSQL from the index of the key.
    assert "::" not in str(Score.objects.select_related("trial").query)
    assert "::" not in str(Company.objects.filter(security_links__company__name="a").query)
