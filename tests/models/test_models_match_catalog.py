"""Models match the catalog of the database."""

import dataclasses

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string

from ncfd_site.core import sql
from ncfd_site.schema import catalog
from ncfd_site.schema.docs.document import READERS
from securities.queries.lookups import DomainAlias
from signals.models import Trial
from storage.queries import DocumentEntity
from tests.models.comparison import differences

pytestmark = pytest.mark.django_db


def unmanaged_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in settings.MIGRATION_MODULES]


def found() -> list[str]:
    schema = catalog.read_schema()
    return differences(unmanaged_models(), schema.relations, schema.enums, READERS)


def test_models_match_the_catalog() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE trials ADD COLUMN novel text", "trials.novel: the column has no field in Trial"),
        ("ALTER TABLE trials RENAME COLUMN phase TO stage", "trials.phase: the field Trial.phase has no column"),
        (
            "ALTER TABLE trials ALTER COLUMN phase TYPE text",
            "trials.phase: type is 'text' in the database and 'character varying' in the model",
        ),
        (
            "ALTER TABLE scores ALTER COLUMN p_fail TYPE numeric(6,4)",
            "scores.p_fail: type is 'numeric(6,4)' in the database and 'numeric(6,5)' in the model",
        ),
        (
            "ALTER TABLE trials ALTER COLUMN phase SET NOT NULL",
            "trials.phase: NOT NULL is True in the database and False in the model",
        ),
        (
            "ALTER TABLE link_audit ALTER COLUMN created_at DROP DEFAULT",
            "link_audit.created_at: filled by the database is False in the database and True in the model",
        ),
        (
            "ALTER TABLE link_audit ALTER COLUMN promotion_status SET DEFAULT 'review'",
            "link_audit.promotion_status: default is 'review'::text in the database and pending in the model",
        ),
        (
            "ALTER TABLE link_audit ALTER COLUMN created_at SET DEFAULT 'epoch'",
            "link_audit.created_at: default from now() is False in the database and True in the model",
        ),
        (
            "ALTER TABLE studies ALTER COLUMN p_value DROP EXPRESSION",
            "studies.p_value: generated is False in the database and True in the model",
        ),
        (
            "ALTER TABLE asset_aliases DROP CONSTRAINT asset_aliases_pkey",
            "asset_aliases: a unique key that could be primary is True in the database and False in the model",
        ),
        (
            "ALTER TABLE trials DROP CONSTRAINT trials_nct_id_key",
            "trials: unique columns is [] in the database and [['nct_id']] in the model",
        ),
        (
            "CREATE UNIQUE INDEX ON trials (phase)",
            "trials: unique columns is [['nct_id'], ['phase']] in the database and [['nct_id']] in the model",
        ),
        (
            "DROP INDEX uq_active_ticker_global",
            "securities: columns unique for some rows is [] in the database and [['ticker_norm']] in the model",
        ),
        (
            "ALTER TABLE gates DROP CONSTRAINT gates_trial_id_fkey",
            "gates.trial_id: foreign key is None in the database and ('trials', 'trial_id') in the model",
        ),
        (
            "ALTER TABLE resolver_llm_logs ADD FOREIGN KEY (chosen_company_id) REFERENCES companies (company_id)",
            "resolver_llm_logs.chosen_company_id: foreign key is ('companies', 'company_id') in the database",
        ),
        ("ALTER TYPE doc_status RENAME VALUE 'linked' TO 'tied'", "documents.status: enum labels is ['discovered'"),
        ("CREATE TYPE mood AS ENUM ('good')", "mood: no field has this enum type"),
        (
            "ALTER TABLE storage_objects DROP CONSTRAINT ck_storage_objects_tier, ADD CHECK (tier IN ('local', 'x'))",
            "storage_objects.tier: values is ['local', 'x'] in the database and ['local', 's3'] in the model",
        ),
        ("CREATE TABLE novelties (id integer PRIMARY KEY)", "novelties: the table has no model"),
        ("CREATE VIEW v_novelties AS SELECT 1 AS id", "v_novelties: the view has no model"),
        ("DROP TABLE ctgov_ingest_state", "ctgov_ingest_state: the model IngestState has no relation"),
        ("DROP TABLE document_entities", "document_entities: listed as without a model, but it does not exist"),
    ],
)
def test_change_of_the_database_is_reported(statement: str, named: str) -> None:
    sql.execute(statement)

    assert any(difference.startswith(named) for difference in found()), found()


@pytest.mark.parametrize(
    ("field", "attribute", "value", "named"),
    [
        ("phase", "null", False, "trials.phase: NOT NULL is False in the database and True in the model"),
        ("nct_id", "max_length", 20, "trials.nct_id: type is 'character varying' in the database"),
        ("nct_id", "_unique", False, "trials: unique columns is [['nct_id']] in the database and [] in the model"),
        ("status", "column", "state", "trials.state: the field Trial.status has no column"),
        ("sponsor_company", "db_constraint", False, "trials.sponsor_company_id: foreign key is ('companies'"),
    ],
)
def test_change_of_a_model_is_reported(
    monkeypatch: pytest.MonkeyPatch, field: str, attribute: str, value: object, named: str
) -> None:
    changed = Trial._meta.get_field(field)
    monkeypatch.setattr(changed, attribute, value)
    # Django caches derived attributes of a field.
    for remembered in ("unique", "db_type_parameters"):
        changed.__dict__.pop(remembered, None)

    assert any(difference.startswith(named) for difference in found()), found()


def test_missing_model_is_reported() -> None:
    remaining = [model for model in unmanaged_models() if model is not Trial]

    schema = catalog.read_schema()
    named = differences(remaining, schema.relations, schema.enums, READERS)

    assert "trials: the table has no model" in named


@pytest.mark.parametrize(
    ("relation", "row"),
    [("document_entities", DocumentEntity), ("v_domain_aliases", DomainAlias)],
)
def test_rows_without_a_model_have_the_columns_of_their_relation(relation: str, row: type) -> None:
    columns = catalog.read_schema().relations[relation].columns

    assert {field.name for field in dataclasses.fields(row)} == columns.keys()


@pytest.mark.parametrize("relation", sorted(READERS))
def test_relations_without_a_model_have_a_reader_and_no_key(relation: str) -> None:
    assert callable(import_string(READERS[relation]))
    assert catalog.read_schema().relations[relation].unique_indexes == []
