"""Writes that people make about companies: which securities are theirs, and which company stands over which."""

from datetime import date

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from ncfd_site.config.errors import UserError
from securities.models import Company, CompanyRelationship, CompanySecurity

LINK = "securities.add_companysecurity"
UNLINK = "securities.delete_companysecurity"
RELATE = "securities.add_companyrelationship"
SEPARATE = "securities.delete_companyrelationship"


class CompanyLinkError(UserError):
    """The link cannot be made; the text says why."""


@transaction.atomic
def link_security(company_id: int, security_id: str | int, *, actor: User) -> bool:
    """Say that a security belongs to a company; return whether that is new.

    `security_id` is a `securities.security_id`, or an identifier from elsewhere. Raises PermissionDenied without
    `securities.add_companysecurity`, and LinkRefused for an unknown company or an empty identifier.
    """
    _require(actor, LINK, "Linking a security to a company")
    identifier = str(security_id).strip()
    if not identifier:
        raise CompanyLinkError("A link needs a security: the identifier is empty.")
    _hold(company_id)
    _, new = CompanySecurity.objects.get_or_create(company_id=company_id, security_id=identifier)
    return new


@transaction.atomic
def unlink_security(company_id: int, security_id: str | int, *, actor: User) -> bool:
    """Say no longer that a security belongs to a company; return whether there was such a link.

    Company and security stay. Raises PermissionDenied without `securities.delete_companysecurity`.
    """
    _require(actor, UNLINK, "Unlinking a security from a company")
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
    """Say that one company stands over another, from and until a day (None: not known, and still so).

    Returns whether that is new; dates of a relationship that is there stay as they are. Raises PermissionDenied
    without `securities.add_companyrelationship`, and LinkRefused for an unknown company, a company over itself, or
    dates in the wrong order.
    """
    _require(actor, RELATE, "Relating companies")
    if parent_company_id == child_company_id:
        raise CompanyLinkError("A company cannot stand over itself: choose two companies.")
    if start_date and end_date and end_date < start_date:
        raise CompanyLinkError(f"A relationship cannot end on {end_date} before it begins on {start_date}.")
    # Rising keys: two people who relate the same companies wait for each other and never deadlock.
    for company_id in sorted((parent_company_id, child_company_id)):
        _hold(company_id)
    _, new = CompanyRelationship.objects.get_or_create(
        parent_company_id=parent_company_id,
        child_company_id=child_company_id,
        rel_type=rel_type,
        defaults={"start_date": start_date, "end_date": end_date},
    )
    return new


@transaction.atomic
def remove_relationship(parent_company_id: int, child_company_id: int, rel_type: str, *, actor: User) -> bool:
    """Say no longer that one company stands over another, now or ever; return whether that had been said.

    A relationship that has ended keeps its row, with the day: this is for one that never was. Raises PermissionDenied
    without `securities.delete_companyrelationship`.
    """
    _require(actor, SEPARATE, "Separating companies")
    relationships = CompanyRelationship.objects.filter(
        parent_company_id=parent_company_id, child_company_id=child_company_id, rel_type=rel_type
    )
    return relationships.delete()[0] > 0


def _require(actor: User, permission: str, doing: str) -> None:
    if not actor.has_perm(permission):
        raise PermissionDenied(
            f"{doing} needs the permission {permission}, which {actor.get_username()} does not have."
        )


def _hold(company_id: int) -> None:
    # Locked, so that the company cannot go between this look and the link.
    if not Company.objects.select_for_update(no_key=True).filter(pk=company_id).only("pk").exists():
        raise CompanyLinkError(f"There is no company with the number {company_id}.")
