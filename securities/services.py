"""Writes of users: links of companies to securities, and relationships between companies."""

from datetime import date

from django.contrib.auth.models import User
from django.db import transaction

from ncfd_site.config.errors import UserError
from ncfd_site.core.permissions import check_permission
from securities.models import Company, CompanyRelationship, CompanySecurity

ADD_SECURITY = "securities.add_companysecurity"
DELETE_SECURITY = "securities.delete_companysecurity"
ADD_RELATIONSHIP = "securities.add_companyrelationship"
DELETE_RELATIONSHIP = "securities.delete_companyrelationship"


class CompanyLinkError(UserError):
    """The link or relationship is not valid."""


@transaction.atomic
def link_security(company_id: int, security_id: str | int, *, actor: User) -> bool:
    """Link a security to a company; return whether the link is new.

    `security_id` is a `securities.security_id` or an identifier of another system. Raises PermissionDenied, and
    CompanyLinkError for an unknown company or an empty identifier.
    """
    check_permission(actor, ADD_SECURITY, "Linking a security to a company")
    identifier = str(security_id).strip()
    if not identifier:
        raise CompanyLinkError("The identifier of the security is empty.")
    _lock_company(company_id)
    _, is_new = CompanySecurity.objects.get_or_create(company_id=company_id, security_id=identifier)
    return is_new


@transaction.atomic
def unlink_security(company_id: int, security_id: str | int, *, actor: User) -> bool:
    """Delete the link of a security to a company; return whether it existed. Raises PermissionDenied."""
    check_permission(actor, DELETE_SECURITY, "Unlinking a security from a company")
    links = CompanySecurity.objects.filter(company_id=company_id, security_id=str(security_id))
    return links.delete()[0] > 0


@transaction.atomic
def add_relationship(
    parent_company_id: int,
    child_company_id: int,
    rel_type: str = "subsidiary",
    start_date: date | None = None,
    end_date: date | None = None,
    *,
    actor: User,
) -> bool:
    """Record that a company owns another; return whether the relationship is new.

    `start_date` None is unknown, `end_date` None is current. The dates of an existing relationship are kept. Raises
    PermissionDenied, and CompanyLinkError for an unknown company, equal companies, or dates in the wrong order.
    """
    check_permission(actor, ADD_RELATIONSHIP, "Relating companies")
    if parent_company_id == child_company_id:
        raise CompanyLinkError("A company cannot be its own parent. Choose two companies.")
    if start_date and end_date and end_date < start_date:
        raise CompanyLinkError(f"The end date {end_date} is before the start date {start_date}.")
    # In ascending order: concurrent requests for the same pair wait and never deadlock.
    for company_id in sorted((parent_company_id, child_company_id)):
        _lock_company(company_id)
    _, is_new = CompanyRelationship.objects.get_or_create(
        parent_company_id=parent_company_id,
        child_company_id=child_company_id,
        rel_type=rel_type,
        defaults={"start_date": start_date, "end_date": end_date},
    )
    return is_new


@transaction.atomic
def remove_relationship(parent_company_id: int, child_company_id: int, rel_type: str, *, actor: User) -> bool:
    """Delete a relationship that never existed in fact; return whether it was recorded. Raises PermissionDenied.

    A former relationship keeps its row, with an end date.
    """
    check_permission(actor, DELETE_RELATIONSHIP, "Separating companies")
    relationships = CompanyRelationship.objects.filter(
        parent_company_id=parent_company_id, child_company_id=child_company_id, rel_type=rel_type
    )
    return relationships.delete()[0] > 0


def _lock_company(company_id: int) -> None:
    # Prevents deletion of the company before the link is committed.
    if not Company.objects.select_for_update(no_key=True).filter(pk=company_id).only("pk").exists():
        raise CompanyLinkError(f"There is no company {company_id}.")
