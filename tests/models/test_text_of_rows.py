"""Descriptions of models and text of rows."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.db import models
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import Asset

MODELS = [model for model in apps.get_models() if not model._meta.managed]

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
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_str_needs_no_query(model: type[models.Model], django_assert_num_queries: DjangoAssertNumQueries) -> None:
    row = filled(model)

    with django_assert_num_queries(0):
        text = str(row)

    assert 0 < len(text) < 120
    assert "object (" not in text


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_str_of_a_row_without_optional_values(model: type[models.Model]) -> None:
    row = filled(model)
    for field in model._meta.concrete_fields:
        if field.null and not field.generated:
            setattr(row, field.attname, None)

    assert "None" not in str(row)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_model_and_fields_are_described(model: type[models.Model]) -> None:
    assert (model.__doc__ or "").rstrip().endswith(".")
    assert not (model.__doc__ or "").startswith(f"{model.__name__}(")
    for field in model._meta.concrete_fields:
        assert str(field.help_text).endswith("."), field


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_foreign_keys_leave_deleting_to_the_database(model: type[models.Model]) -> None:
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
