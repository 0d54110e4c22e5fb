"""Groups and their permissions after `migrate`."""

from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from ncfd_site.core import roles
from ncfd_site.core.roles import Role, create_groups, get_permissions
from tests import factories

pytestmark = pytest.mark.django_db


def granted(name: str) -> set[str]:
    """Return the permissions of a group in the database."""
    found = Permission.objects.filter(group__name=name).values_list("content_type__app_label", "codename")
    return {f"{app_label}.{codename}" for app_label, codename in found}


def test_the_four_groups_exist() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {"reviewer", "adjudicator", "operator", "analyst"}


@pytest.mark.parametrize("role", Role)
def test_a_group_has_the_permissions_of_its_role(role: Role) -> None:
    assert granted(role.value) == get_permissions(role)


def test_a_reviewer_reads_and_labels() -> None:
    every = {
        f"{label}.view_{model._meta.model_name}"
        for label in ("linkaudit", "securities", "signals", "storage")
        for model in apps.get_app_config(label).get_models()
    }
    hidden = {f"storage.view_storage{one}" for one in ("event", "object", "reference", "tombstone")}
    swaying = {
        f"linkaudit.view_{one}"
        for one in ("linkdisagreement", "linkreview", "interimanalysis", "reviewsample", "reviewskip", "reviewslot")
    }
    assert granted("reviewer") == every - hidden - swaying | {"linkaudit.label_linkaudit"}
    more = {"linkaudit.adjudicate_linkaudit", "linkaudit.bulk_linkaudit", "linkaudit.export_linkreview"}
    assert granted("adjudicator") == granted("reviewer") | swaying | more


def test_an_analyst_reads_everything_and_changes_nothing() -> None:
    assert granted("analyst") == {
        f"{label}.view_{model._meta.model_name}"
        for label in roles.APPS
        for model in apps.get_app_config(label).get_models()
    } - {"api.view_apitoken"} | {"linkaudit.export_linkreview"}


def test_an_operator_operates_and_does_not_label() -> None:
    assert granted("operator") - granted("analyst") == {
        "api.view_apitoken",
        "jobs.change_jobschedule",
        "linkaudit.draw_reviewsample",
        "linkaudit.promote_linkpromotion",
        "linkaudit.override_linkpromotion",
        "storage.operate_storageobject",
        "storage.reference_storageobject",
        "securities.add_companysecurity",
        "securities.delete_companysecurity",
    }


def test_migrate_resets_the_permissions_of_a_group() -> None:
    group = Group.objects.get(name="reviewer")
    wanted = granted("reviewer")
    group.permissions.remove(*group.permissions.all()[:3])
    group.permissions.add(Permission.objects.get(codename="delete_user"))
    rita = factories.make_user(Role.REVIEWER)
    call_command("migrate", verbosity=0, stdout=StringIO())
    assert granted("reviewer") == wanted
    assert rita.groups.get().name == "reviewer"
    assert Group.objects.count() == 4


def test_migrate_recreates_a_deleted_group() -> None:
    Group.objects.all().delete()
    call_command("migrate", verbosity=0, stdout=StringIO())
    assert granted("operator") == get_permissions(Role.OPERATOR)


def test_migrate_keeps_other_groups() -> None:
    Group.objects.create(name="auditors")
    create_groups()
    assert Group.objects.filter(name="auditors").exists()


def test_groups_are_created_once() -> None:
    create_groups()
    create_groups()
    assert Group.objects.count() == 4


def test_a_missing_permission_is_named_and_nothing_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    before = granted("adjudicator")
    grants = {**roles.GRANTS, Role.ANALYST: frozenset({"storage.fly_storageobject"})}
    monkeypatch.setattr(roles, "GRANTS", grants)
    with pytest.raises(LookupError, match=r"group analyst: permission storage\.fly_storageobject does not exist"):
        create_groups()
    assert granted("adjudicator") == before


def test_permissions_have_names() -> None:
    custom = Permission.objects.filter(content_type__app_label__in=roles.APPS).exclude(
        codename__regex="^(add|change|delete|view)_"
    )
    assert set(custom.values_list("codename", flat=True)) == {
        "label_linkaudit",
        "adjudicate_linkaudit",
        "bulk_linkaudit",
        "draw_reviewsample",
        "export_linkreview",
        "promote_linkpromotion",
        "override_linkpromotion",
        "operate_storageobject",
        "reference_storageobject",
    }


def test_users_have_the_permissions_of_their_group() -> None:
    olga = User.objects.get(pk=factories.make_user(Role.OPERATOR).pk)
    assert olga.has_perm("storage.reference_storageobject")
    assert not olga.has_perm("linkaudit.label_linkaudit")
