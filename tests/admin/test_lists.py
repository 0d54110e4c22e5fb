"""Queries of lists: one page, by an index, uncounted, and a constant number."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from linkaudit.models import HeuristicPrecision, LinkAudit
from ncfd_site.adminkit.filters import FixedChoicesFilter, IndexedValuesFilter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.schema.models import SchemaVersion
from securities.models import ActiveUSSecurity, CompanyCanonical, CompanyTicker
from signals.models import IngestState
from tests.admin import rows
from tests.sql import rolled_back

pytestmark = pytest.mark.django_db

ADMINS: dict[Any, Any] = {
    model: page for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyAdmin)
}
MODELS = sorted(ADMINS, key=lambda model: model._meta.label)
# Tables with one row at most.
SINGLE = {IngestState, SchemaVersion}
# The precision of a heuristic is a count of its links, by the database's own function.
COUNTED = {HeuristicPrecision}
# Searched without an index: of such tables there are thousands of rows, or half a million trials, not more.
READ_THROUGH = {
    "schema.MigrationLog.revision",
    "securities.ResolverRule.company_id",
}
# Session, person and permissions of group and person.
SIGNED_IN = 4


def opened(client: Client, model: Any, **parameters: str) -> tuple[str, list[str]]:
    """Open a list; return its page and its queries."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = client.get(address, parameters)
    assert page.status_code == 200
    return page.content.decode(), [query["sql"] for query in queries.captured_queries]


@pytest.fixture
def operator(signed_in: Any) -> Client:
    """A client of olga, an operator, who sees every table."""
    client: Client = signed_in("operator")
    # The first page that a process draws looks things up that later ones know.
    client.get(reverse("admin:index"))
    return client


def test_the_number_of_queries_is_constant(operator: Client, subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label), rolled_back():
            rows.make(model)
            opened(operator, model)
            _, few = opened(operator, model)
            for _ in range(0 if model in SINGLE else 4):
                rows.make(model)
            _, many = opened(operator, model)
            # A filter by known values jumps once more for each value, inside of its one query.
            assert len(many) == len(few)


def test_lists_count_nothing_and_read_only_shown_columns(operator: Client, subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label), rolled_back():
            rows.make(model)
            page, queries = opened(operator, model)
            read = [query for query in queries if model._meta.db_table in query]
            assert read or model in COUNTED
            if model not in COUNTED:
                # References are counted for the objects of the page alone.
                assert not [query for query in queries if "COUNT(" in query and "storage_references" not in query]
            heavy = {field.column for field in model._meta.concrete_fields if field.get_internal_type() == "JSONField"}
            heavy |= {"prompt", "notes_md", "text", "raw_jsonb", "review_notes", "primary_endpoint_text"}
            shown = {"names_jsonb"}  # An asset's name is one of these.
            for query in read:
                selected = query.partition(" FROM ")[0]
                assert not [column for column in heavy - shown if f'"{column}"' in selected]
            assert rows.HEAVY["heavy"][:20] not in page


PINNED = {
    # What is shown, the heuristics and the reviewers to filter by.
    "linkaudit.LinkAudit": 3,
    "securities.Company": 2,
    "securities.CompanySecurity": 2,
    "signals.Trial": 2,
    "signals.Signal": 1,
    "storage.Document": 1,
    "storage.StorageObject": 2,
}


@pytest.mark.parametrize("label", sorted(PINNED))
def test_the_number_of_queries_is_pinned(label: str, operator: Client, django_assert_num_queries: Any) -> None:
    model = next(model for model in MODELS if model._meta.label == label)
    rows.make(model)
    opened(operator, model)
    with django_assert_num_queries(SIGNED_IN + PINNED[label]):
        opened(operator, model)


def test_only_a_page_is_read(operator: Client) -> None:
    _, queries = opened(operator, LinkAudit)
    # The others are those that jump from heuristic to heuristic, each step by LIMIT 1.
    listed = [query for query in queries if 'FROM "link_audit"' in query and "RECURSIVE" not in query]
    assert len(listed) == 1
    assert "LIMIT 101" in listed[0]


def test_lists_sort_by_indexes(operator: Client, subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            columns = [column for column in ADMINS[model].list_display if getattr(column, "admin_order_field", None)]
            for column in columns:
                assert model._meta.get_field(column.admin_order_field).column in _indexed(model)


def test_filters_do_not_scan_the_table(subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            for chosen in ADMINS[model].list_filter:
                if isinstance(chosen, str):
                    assert model._meta.get_field(chosen).choices
                elif issubclass(chosen, IndexedValuesFilter):
                    is_overridden = chosen.get_values is not IndexedValuesFilter.get_values
                    assert is_overridden or model._meta.get_field(chosen.column).column in _indexed(model)
                else:
                    assert issubclass(chosen, FixedChoicesFilter)


def test_no_foreign_key_is_a_select_box(subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model._meta.label):
            keys = {field.name for field in model._meta.concrete_fields if field.is_relation and not field.primary_key}
            page = ADMINS[model]
            assert keys == {*page.raw_id_fields, *page.autocomplete_fields}


def test_search_uses_indexes(subtests: pytest.Subtests) -> None:
    for model in [model for model in MODELS if model not in SINGLE | COUNTED]:
        with subtests.test(model._meta.label):
            page = ADMINS[model]
            assert page.search_by
            for way in page.search_by:
                path = re.sub(r"__(startswith|in)$", "", way.lookup)
                if not path or model in (CompanyCanonical, CompanyTicker, ActiveUSSecurity):
                    continue  # A condition over two columns that have an index together; and views over small tables.
                *relations, last = path.split("__")
                target = model
                for relation in relations:
                    target = target._meta.get_field(relation).related_model
                column = target._meta.get_field(last).column
                is_read_through = f"{target._meta.label}.{column}" in READ_THROUGH
                assert (column not in _indexed(target)) is is_read_through, way.lookup


def test_every_list_explains_why_it_is_empty() -> None:
    assert [model for model in MODELS if ADMINS[model].filled_by == ReadOnlyAdmin.filled_by] == [HeuristicPrecision]


def _indexed(model: Any) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE i.indrelid = %s::regclass",
            [model._meta.db_table],
        )
        return {name for (name,) in cursor.fetchall()}
