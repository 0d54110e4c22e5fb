"""Descriptions of models and text of rows."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.db import models
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import Asset

MODELS = [model for model in apps.get_models() if model._meta.app_label in settings.MIGRATION_MODULES]

VALUES: list[tuple[type, Any]] = [
    (ArrayField, ["S1"]),
    (DateRangeField, None),
    (models.DateTimeField, dt.datetime(2024, 3, 1, tzinfo=dt.UTC)),
    (models.DateField, dt.date(2024, 3, 1)),
    (models.UUIDField, uuid.UUID(int=0)),
    (models.BooleanField, True),
    (models.JSONField, {}),
    (models.CharField, "text"),
    (models.TextField, "text"),
    (models.ForeignKey, 7),
    (models.Field, 7),
]


def filled(model: type[models.Model]) -> models.Model:
    """Return an unsaved row with a value in every column."""
    values = {}
    for field in model._meta.concrete_fields:
        if not field.generated:
            values[field.attname] = next(value for kind, value in VALUES if isinstance(field, kind))
    return model(**values)


@pytest.mark.django_db
def test_str_needs_no_query(django_assert_num_queries: DjangoAssertNumQueries, subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            row = filled(model)

            with django_assert_num_queries(0):
                text = str(row)

            assert 0 < len(text) < 120
            assert "object (" not in text


def test_str_of_a_row_without_optional_values(subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            row = filled(model)
            for field in model._meta.concrete_fields:
                if field.null and not field.generated:
                    setattr(row, field.attname, None)

            assert "None" not in str(row)


def test_model_and_fields_are_described(subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            assert (model.__doc__ or "").rstrip().endswith(".")
            assert not (model.__doc__ or "").startswith(f"{model.__name__}(")
            for field in model._meta.concrete_fields:
                assert str(field.help_text).endswith("."), field


def test_foreign_keys_leave_deleting_to_the_database(subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            for field in model._meta.concrete_fields:
                if isinstance(field, models.ForeignKey):
                    assert field.remote_field.on_delete is models.DO_NOTHING, field


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"code": ["AB-1"], "inn": "aspirin"}, "aspirin"),
        ({"code": ["AB-1"], "brand": []}, "AB-1"),
        ({"other": {"synonyms": ["ASA"]}}, "ASA"),
        (["ASA"], "ASA"),
        ({}, "asset 7"),
    ],
)
def test_asset_is_shown_by_its_best_known_name(names: object, shown: str) -> None:
    assert str(Asset(asset_id=7, names_jsonb=names)) == shown
