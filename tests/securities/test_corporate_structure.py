"""Corporate structure: trees, cycles and former relationships."""

from datetime import date

import pytest

from securities.models import Company, CompanyRelationship
from securities.queries.corporate_structure import CorporateStructure, list_direct_parents, load_corporate_structure
from tests.factories import make_company

pytestmark = pytest.mark.django_db


def relate(parent: Company, child: Company, kind: str = "subsidiary", **days: date) -> None:
    CompanyRelationship.objects.create(parent_company=parent, child_company=child, rel_type=kind, **days)


def test_company_without_relationships_is_its_own_parent() -> None:
    company = make_company()
    assert load_corporate_structure(company.pk) == CorporateStructure([], [], company.pk)


def test_structure_lists_parents_and_children_nearest_first() -> None:
    top, middle, company, child, grandchild = (make_company() for _ in range(5))
    for parent, below in ((top, middle), (middle, company), (company, child), (child, grandchild)):
        relate(parent, below)
    structure = load_corporate_structure(company.pk)
    assert [(one.company_id, one.steps) for one in structure.parents] == [(middle.pk, 1), (top.pk, 2)]
    assert [(one.company_id, one.steps) for one in structure.children] == [(child.pk, 1), (grandchild.pk, 2)]
    assert structure.canonical_id == top.pk
    assert structure.subsidiaries == [child.pk, grandchild.pk]
    assert not structure.has_cycle
    assert not structure.is_truncated


def test_former_relationship_is_listed_but_not_followed() -> None:
    company, sold, below = make_company(), make_company(), make_company()
    relate(company, sold, end_date=date(2020, 1, 1))
    relate(sold, below)
    structure = load_corporate_structure(company.pk)
    assert [one.company_id for one in structure.children] == [sold.pk]
    assert structure.subsidiaries == []
    assert load_corporate_structure(sold.pk).canonical_id == sold.pk


def test_cycle_is_cut_where_it_closes() -> None:
    first, second, third = (make_company() for _ in range(3))
    for parent, child in ((first, second), (second, third), (third, first)):
        relate(parent, child)
    structure = load_corporate_structure(first.pk)
    assert structure.has_cycle
    assert [one.company_id for one in structure.children] == [second.pk, third.pk, first.pk]
    assert [one.is_cycle for one in structure.children] == [False, False, True]
    assert structure.subsidiaries == [second.pk, third.pk]
    # The lowest company ID of the cycle, as in the view.
    assert structure.canonical_id == first.pk


def test_direct_parents_are_current_parents() -> None:
    top, company, former = make_company(name="Top"), make_company(), make_company(name="Former")
    relate(top, company)
    relate(top, company, "joint venture")
    relate(former, company, end_date=date(2020, 1, 1))
    relate(company, company)
    assert {key: [one.name for one in found] for key, found in list_direct_parents([company.pk, top.pk]).items()} == {
        company.pk: ["Top"]
    }
