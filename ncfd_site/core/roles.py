"""Groups and their exact permissions.

Permissions to view follow from the models: a new table is visible to the readers of its app. Permissions to change are
listed by name. Users get permissions only through groups.
"""

from enum import StrEnum
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS, transaction

APPS = ("api", "jobs", "linkaudit", "schema", "securities", "signals", "storage")


class Role(StrEnum):
    """The name of a group."""

    REVIEWER = "reviewer"
    ADJUDICATOR = "adjudicator"
    OPERATOR = "operator"
    ANALYST = "analyst"


# Reviewers read documents and claims, not storage and migrations.
REVIEWER_APPS = ("linkaudit", "securities", "signals", "storage")
CONTENT = frozenset(
    {"storage.storageevent", "storage.storageobject", "storage.storagereference", "storage.storagetombstone"}
)
# Other decisions and sample results, which would bias a reviewer.
BIASING = frozenset(
    f"linkaudit.{name}"
    for name in ("linkdisagreement", "linkreview", "interimanalysis", "reviewsample", "reviewskip", "reviewslot")
)
# Operators see all API tokens; users see their own on a page.
TOKENS = frozenset({"api.apitoken"})
HIDDEN_FROM = {Role.REVIEWER: CONTENT | BIASING, Role.ADJUDICATOR: CONTENT, Role.ANALYST: TOKENS}
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
            "jobs.change_jobschedule",
            "linkaudit.draw_reviewsample",
            "linkaudit.export_linkreview",
            "linkaudit.promote_linkpromotion",
            "linkaudit.override_linkpromotion",
            "storage.operate_storageobject",
            "storage.reference_storageobject",
            "securities.add_companysecurity",
            "securities.delete_companysecurity",
        }
    ),
    Role.ANALYST: frozenset({"linkaudit.export_linkreview"}),
}


def get_permissions(role: Role) -> frozenset[str]:
    """Return the permissions of a role as `app_label.codename`."""
    apps = REVIEWER_APPS if role in (Role.REVIEWER, Role.ADJUDICATOR) else APPS
    readable = {
        f"{model._meta.app_label}.view_{model._meta.model_name}"
        for label in apps
        for model in installed.get_app_config(label).get_models()
        if model._meta.label_lower not in HIDDEN_FROM.get(role, ())
    }
    return GRANTS[role] | readable


def create_groups(using: str = DEFAULT_DB_ALIAS, registry: Apps = installed) -> None:
    """Create the missing groups, and give each group exactly its permissions.

    Raises LookupError if a permission does not exist.
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
            wanted = get_permissions(role)
            missing = sorted(wanted - known.keys())
            if missing:
                raise LookupError(f"Cannot create the group {role}: permission {', '.join(missing)} does not exist.")
            group, _ = group_model.objects.using(using).get_or_create(name=role.value)
            group.permissions.set(known[name] for name in wanted)


def create_groups_after_migrate(
    sender: AppConfig,
    using: str = DEFAULT_DB_ALIAS,
    apps: Apps = installed,
    **options: Any,
) -> None:
    """Create the groups after `migrate`; a receiver of `post_migrate` for the site's app."""
    try:
        apps.get_model("auth", "Group")
    except LookupError:
        return  # `migrate auth zero`, or contenttypes only: the table of groups does not exist.
    # Django creates the permissions of an app in its own receiver, which may run later.
    for label in APPS:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    create_groups(using, apps)
