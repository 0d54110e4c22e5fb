import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from ncfd_site.config.errors import ConfigurationError, ExitCode
from ncfd_site.demo.users import create_users

pytestmark = pytest.mark.django_db


def test_each_user_has_the_returned_password_and_the_group_of_the_role(tmp_path: Path) -> None:
    created = create_users(tmp_path)
    assert [user.username for user, _ in created] == ["rita", "adam", "olga", "ana", "admin"]
    for user, password in created:
        account = User.objects.get(username=user.username)
        assert account.check_password(password)
        assert account.is_staff
        assert account.is_superuser == (user.username == "admin")
        assert list(account.groups.values_list("name", flat=True)) == ([str(user.role)] if user.role else [])


def test_passwords_are_generated_once_and_readable_for_the_owner_only(tmp_path: Path) -> None:
    first = create_users(tmp_path)
    assert len({password for _, password in first}) == 5
    assert stat.S_IMODE((tmp_path / "demonstration_users.json").stat().st_mode) == 0o600
    assert create_users(tmp_path) == first


def test_a_second_call_resets_changed_users(tmp_path: Path) -> None:
    created = create_users(tmp_path)
    rita = User.objects.get(username="rita")
    rita.set_password("another")
    rita.is_superuser = True
    rita.save()
    rita.groups.clear()
    create_users(tmp_path)
    again = User.objects.get(username="rita")
    assert again.check_password(created[0][1])
    assert not again.is_superuser
    assert again.groups.get().name == "reviewer"


@pytest.mark.parametrize("text", ["[]", "{}", "passwords", '{"rita": 1}', "null"])
def test_a_damaged_password_file_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "demonstration_users.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"demonstration_users.json\. Delete it"):
        create_users(tmp_path)


def test_a_missing_group_is_an_error_and_no_user_is_created(tmp_path: Path) -> None:
    Group.objects.all().delete()
    with pytest.raises(ConfigurationError, match=r"'reviewer' is missing\. Run `manage.py migrate`\."):
        create_users(tmp_path)
    assert not User.objects.filter(username="rita").exists()


def test_with_database_url_the_command_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://rita:secret@localhost:1/trials")
    monkeypatch.setenv("NCFD_HOME", str(tmp_path))
    with pytest.raises(CommandError, match="DATABASE_URL is set") as refused:
        call_command("create_demonstration_users")
    assert refused.value.returncode == ExitCode.USAGE
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "demonstration_users.json").exists()


def test_the_command_prints_each_user_with_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NCFD_HOME", str(tmp_path))
    call_command("create_demonstration_users")
    printed = capsys.readouterr().out
    for user, password in create_users(tmp_path):
        assert any(user.username in line and password in line for line in printed.splitlines())
