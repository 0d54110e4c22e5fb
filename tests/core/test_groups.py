"""The groups exist after migrating, with exactly what each may do."""

from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from ncfd_site.core import roles
from ncfd_site.core.roles import Role, make_groups, permissions_of
from tests import factories

pytestmark = pytest.mark.django_db


def granted(name: str) -> set[str]:
    """What a group may do, as the database has it."""
    found = Permission.objects.filter(group__name=name).values_list("content_type__app_label", "codename")
    return {f"{app_label}.{codename}" for app_label, codename in found}


def test_the_four_groups_are_there() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {"reviewer", "adjudicator", "operator", "analyst"}


@pytest.mark.parametrize("role", Role)
def test_a_group_may_do_what_its_role_says(role: Role) -> None:
    assert granted(role.value) == permissions_of(role)


def test_a_reviewer_reads_all_but_content_and_schema_and_labels() -> None:
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


def test_an_analyst_reads_everything_of_the_house_and_changes_nothing() -> None:
    assert granted("analyst") == {
        f"{label}.view_{model._meta.model_name}"
        for label in roles.APPS
        for model in apps.get_app_config(label).get_models()
    } - {"api.view_apitoken"} | {"linkaudit.export_linkreview"}


def test_an_operator_keeps_references_and_links_and_does_not_label() -> None:
    assert granted("operator") - granted("analyst") == {
        "api.view_apitoken",
        "linkaudit.draw_reviewsample",
        "linkaudit.promote_linkpromotion",
        "storage.operate_storageobject",
        "storage.reference_storageobject",
        "securities.add_companysecurity",
        "securities.delete_companysecurity",
    }


def test_migrating_again_sets_a_group_back_to_exactly_its_permissions() -> None:
    group = Group.objects.get(name="reviewer")
    wanted = granted("reviewer")
    group.permissions.remove(*group.permissions.all()[:3])
    group.permissions.add(Permission.objects.get(codename="delete_user"))
    rita = factories.make_user(Role.REVIEWER)
    call_command("migrate", verbosity=0, stdout=StringIO())
    assert granted("reviewer") == wanted
    assert rita.groups.get().name == "reviewer"
    assert Group.objects.count() == 4


def test_a_group_that_was_deleted_comes_back_with_migrating() -> None:
    Group.objects.all().delete()
    call_command("migrate", verbosity=0, stdout=StringIO())
    assert granted("operator") == permissions_of(Role.OPERATOR)


def test_a_group_of_somebody_else_is_left_alone() -> None:
    Group.objects.create(name="auditors")
    make_groups()
    assert Group.objects.filter(name="auditors").exists()


def test_making_the_groups_twice_makes_them_once() -> None:
    make_groups()
    make_groups()
    assert Group.objects.count() == 4


def test_a_permission_that_does_not_exist_is_named_and_nothing_is_half_made(monkeypatch: pytest.MonkeyPatch) -> None:
    before = granted("adjudicator")
    grants = {**roles.GRANTS, Role.ANALYST: frozenset({"storage.fly_storageobject"})}
    monkeypatch.setattr(roles, "GRANTS", grants)
    with pytest.raises(LookupError, match=r"analyst cannot be made: no permission storage\.fly_storageobject"):
        make_groups()
    assert granted("adjudicator") == before


def test_the_permissions_of_the_project_have_their_names() -> None:
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
        "operate_storageobject",
        "reference_storageobject",
    }


def test_people_may_do_what_their_group_may() -> None:
    olga = User.objects.get(pk=factories.make_user(Role.OPERATOR).pk)
    assert olga.has_perm("storage.reference_storageobject")
    assert not olga.has_perm("linkaudit.label_linkaudit")
