import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User

from ncfd_site import demonstration_users
from ncfd_site.config.errors import ConfigurationError
from tests.config.commands import manage, production

pytestmark = pytest.mark.django_db


def test_each_may_sign_in_with_the_password_told_and_is_in_the_group(home: Path) -> None:
    made = demonstration_users.create(home)
    assert [person.username for person, _ in made] == ["rita", "adam", "olga", "ana", "admin"]
    for person, password in made:
        user = User.objects.get(username=person.username)
        assert user.check_password(password)
        assert user.is_staff
        assert user.is_superuser == (person.username == "admin")
        assert list(user.groups.values_list("name", flat=True)) == ([str(person.role)] if person.role else [])


def test_passwords_are_made_once_and_for_their_owner_alone(home: Path) -> None:
    first = demonstration_users.create(home)
    assert len({password for _, password in first}) == 5
    assert stat.S_IMODE((home / "demonstration_users.json").stat().st_mode) == 0o600
    assert demonstration_users.create(home) == first


def test_made_again_they_are_as_before(home: Path) -> None:
    made = demonstration_users.create(home)
    rita = User.objects.get(username="rita")
    rita.set_password("another")
    rita.is_superuser = True
    rita.save()
    rita.groups.clear()
    demonstration_users.create(home)
    again = User.objects.get(username="rita")
    assert again.check_password(made[0][1])
    assert not again.is_superuser
    assert again.groups.get().name == "reviewer"


def test_file_of_passwords_that_was_edited_wrongly_is_refused(home: Path) -> None:
    (home / "demonstration_users.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="is not what was written there: remove it"):
        demonstration_users.create(home)


def test_missing_group_is_told(home: Path) -> None:
    Group.objects.all().delete()
    with pytest.raises(ConfigurationError, match=r"There is no group 'reviewer': run `manage.py migrate`\."):
        demonstration_users.create(home)
    assert not User.objects.filter(username="rita").exists()


def test_they_are_refused_on_a_server_of_others(home: Path) -> None:
    variables = production("postgresql://rita:geheim@localhost:1/trials")
    refusal = manage(home, "create_demonstration_users", "--skip-checks", **variables).refusal()
    assert refusal.startswith("Demonstration users exist on the embedded server only, but DATABASE_URL is set:")
    assert not (home / "demonstration_users.json").exists()
