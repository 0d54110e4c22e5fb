"""Links of companies to securities, and relationships between companies."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied

from ncfd_site.core.roles import Role
from securities.models import CompanyRelationship, CompanySecurity
from securities.services import CompanyLinkError, add_relationship, link_security, remove_relationship, unlink_security
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga() -> User:
    return factories.make_user(Role.OPERATOR)


@pytest.fixture
def curator() -> User:
    """A user with the permissions on relationships, which no group has."""
    user = factories.make_user(None)
    user.user_permissions.set(Permission.objects.filter(codename__endswith="_companyrelationship"))
    return user


def test_security_is_linked_once(olga: User) -> None:
    company = factories.make_company()
    assert link_security(company.pk, 7, actor=olga) is True
    link = CompanySecurity.objects.get()
    assert (link.company_id, link.security_id) == (company.pk, "7")
    assert link_security(company.pk, " 7 ", actor=olga) is False
    assert CompanySecurity.objects.get().linked_at == link.linked_at


def test_identifier_of_another_system_can_be_linked(olga: User) -> None:
    assert link_security(factories.make_company().pk, "FIGI:BBG000B9XRY4", actor=olga) is True


def test_unlinking_deletes_one_link(olga: User) -> None:
    company, other = factories.make_company(), factories.make_company()
    for key in (company.pk, other.pk):
        link_security(key, 7, actor=olga)
    link_security(company.pk, 8, actor=olga)
    assert unlink_security(company.pk, 7, actor=olga) is True
    assert unlink_security(company.pk, 7, actor=olga) is False
    assert set(CompanySecurity.objects.values_list("company_id", "security_id")) == {(company.pk, "8"), (other.pk, "7")}


def test_unknown_company_is_rejected(olga: User) -> None:
    with pytest.raises(CompanyLinkError, match="There is no company 999999"):
        link_security(999_999, 7, actor=olga)


def test_empty_identifier_is_rejected(olga: User) -> None:
    with pytest.raises(CompanyLinkError, match="identifier of the security is empty"):
        link_security(factories.make_company().pk, "  ", actor=olga)


@pytest.mark.parametrize("change", [link_security, unlink_security])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST, None])
def test_only_operators_link_securities(role: Role | None, change: Callable[..., Any]) -> None:
    company = factories.make_company()
    link = CompanySecurity.objects.create(company=company, security_id="7")
    with pytest.raises(PermissionDenied, match="_companysecurity"):
        change(company.pk, 7, actor=factories.make_user(role))
    assert CompanySecurity.objects.get() == link


def test_relationship_is_recorded_once_with_its_dates(curator: User) -> None:
    above, below = factories.make_company().pk, factories.make_company().pk
    assert add_relationship(above, below, "subsidiary", date(2020, 1, 1), actor=curator) is True
    assert add_relationship(above, below, "subsidiary", date(2024, 1, 1), actor=curator) is False
    relationship = CompanyRelationship.objects.get()
    assert (relationship.start_date, relationship.end_date) == (date(2020, 1, 1), None)
    assert remove_relationship(above, below, "owner", actor=curator) is False
    assert remove_relationship(above, below, "subsidiary", actor=curator) is True
    assert not CompanyRelationship.objects.exists()


def test_invalid_relationship_is_rejected(curator: User) -> None:
    above, below = factories.make_company().pk, factories.make_company().pk
    with pytest.raises(CompanyLinkError, match="own parent"):
        add_relationship(above, above, actor=curator)
    with pytest.raises(CompanyLinkError, match="end date 2020-01-01 is before the start date 2021-01-01"):
        add_relationship(above, below, "subsidiary", date(2021, 1, 1), date(2020, 1, 1), actor=curator)
    with pytest.raises(CompanyLinkError, match="no company 999999"):
        add_relationship(above, 999_999, actor=curator)
    assert not CompanyRelationship.objects.exists()


@pytest.mark.parametrize("role", [*Role, None])
def test_no_group_may_change_relationships(role: Role | None) -> None:
    above, below, actor = factories.make_company().pk, factories.make_company().pk, factories.make_user(role)
    with pytest.raises(PermissionDenied, match=r"securities\.add_companyrelationship"):
        add_relationship(above, below, actor=actor)
    with pytest.raises(PermissionDenied, match=r"securities\.delete_companyrelationship"):
        remove_relationship(above, below, "subsidiary", actor=actor)
