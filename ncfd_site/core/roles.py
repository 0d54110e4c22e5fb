"""The groups of people, and exactly what each may do.

Reading follows from the models, so a new table is readable by those who read its app without a line here. Whatever
changes something is listed by name. Groups decide; nobody is given a permission of their own.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS, transaction

APPS = ("api", "jobs", "linkaudit", "schema", "securities", "signals", "storage")


class Role(StrEnum):
    """A group, by its name in the database."""

    REVIEWER = "reviewer"
    ADJUDICATOR = "adjudicator"
    OPERATOR = "operator"
    ANALYST = "analyst"


# A reviewer judges what documents say. Where content is kept, and how the database is migrated, is the operator's.
REVIEWER_APPS = ("linkaudit", "securities", "signals", "storage")
CONTENT = frozenset(
    {"storage.storageevent", "storage.storageobject", "storage.storagereference", "storage.storagetombstone"}
)
# Would bias a reviewer before the decision: other decisions and sample results. Adjudicators see them.
SWAYING = frozenset(
    f"linkaudit.{name}"
    for name in ("linkdisagreement", "linkreview", "interimanalysis", "reviewsample", "reviewskip", "reviewslot")
)
# Who has which tokens of the API is the operator's to know; everybody has a page of their own.
TOKENS = frozenset({"api.apitoken"})
HIDDEN_FROM = {Role.REVIEWER: CONTENT | SWAYING, Role.ADJUDICATOR: CONTENT, Role.ANALYST: TOKENS}
LABEL_LINKS = "linkaudit.label_linkaudit"

GRANTS: dict[Role, frozenset[str]] = {
    Role.REVIEWER: frozenset({LABEL_LINKS}),
    Role.ADJUDICATOR: frozenset(
        {
            LABEL_LINKS,
            "linkaudit.adjudicate_linkaudit",
            "linkaudit.bulk_linkaudit",
            "linkaudit.export_linkreview",
        }
    ),
    Role.OPERATOR: frozenset(
        {
            "linkaudit.draw_reviewsample",
            "linkaudit.export_linkreview",
            "linkaudit.promote_linkpromotion",
            "storage.operate_storageobject",
            "storage.reference_storageobject",
            "securities.add_companysecurity",
            "securities.delete_companysecurity",
        }
    ),
    Role.ANALYST: frozenset({"linkaudit.export_linkreview"}),
}


def permissions_of(role: Role) -> frozenset[str]:
    """Return every permission of a role, as `app_label.codename`."""
    apps = REVIEWER_APPS if role in (Role.REVIEWER, Role.ADJUDICATOR) else APPS
    readable = _views(apps, without=HIDDEN_FROM.get(role, frozenset()))
    return readable | GRANTS[role]


def make_groups(using: str = DEFAULT_DB_ALIAS, registry: Apps = installed) -> None:
    """Make the four groups where they are missing, and give each exactly its permissions.

    Raises LookupError where a permission does not exist: its model is not installed, or it is misspelt here.
    """
    group_model = registry.get_model("auth", "Group")
    permission_model = registry.get_model("auth", "Permission")
    known = {
        f"{app_label}.{codename}": primary_key
        for primary_key, app_label, codename in permission_model.objects.using(using)
        .filter(content_type__app_label__in=APPS)
        .values_list("pk", "content_type__app_label", "codename")
    }
    with transaction.atomic(using=using):
        for role in Role:
            wanted = permissions_of(role)
            missing = sorted(wanted - known.keys())
            if missing:
                raise LookupError(f"The group {role} cannot be made: no permission {', '.join(missing)}.")
            group, _ = group_model.objects.using(using).get_or_create(name=role.value)
            group.permissions.set(known[name] for name in wanted)


def make_groups_after_migrating(
    sender: AppConfig,
    using: str = DEFAULT_DB_ALIAS,
    apps: Apps = installed,
    **options: Any,
) -> None:
    """Make the groups when `migrate` has ended; a receiver of `post_migrate`, connected for the site's app alone."""
    try:
        apps.get_model("auth", "Group")
    except LookupError:
        return  # `migrate auth zero`, or contenttypes alone so far: there is nowhere to put a group yet.
    # Django makes the permissions of an app when that app's turn comes, which can be after the site's own.
    for label in APPS:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    make_groups(using, apps)


def _views(app_labels: Iterable[str], without: frozenset[str] = frozenset()) -> frozenset[str]:
    return frozenset(
        f"{model._meta.app_label}.view_{model._meta.model_name}"
        for label in app_labels
        for model in installed.get_app_config(label).get_models()
        if model._meta.label_lower not in without
    )
