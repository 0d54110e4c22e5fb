"""Users of the demonstration: one for each role and a superuser, on the embedded server only."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from ncfd_site.config import database, environment, secret_key
from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.roles import Role


@dataclass(frozen=True)
class DemoUser:
    """A user; no role means superuser."""

    username: str
    role: Role | None
    task: str


USERS = [
    DemoUser("rita", Role.REVIEWER, "labels links"),
    DemoUser("adam", Role.ADJUDICATOR, "labels links and resolves disagreements"),
    DemoUser("olga", Role.OPERATOR, "operates storage and securities"),
    DemoUser("ana", Role.ANALYST, "reads everything"),
    DemoUser("admin", None, "has every permission"),
]


@transaction.atomic
def create_users(home: Path | None = None) -> list[tuple[DemoUser, str]]:
    """Create the users, or reset them to their passwords and groups; return each user with the password.

    Raises `ConfigurationError` if DATABASE_URL is set: a server of production has no printed passwords.
    """
    if not database.is_embedded():
        raise ConfigurationError(
            "Demonstration users exist on the embedded server only, but DATABASE_URL is set. Create users with"
            " `manage.py createsuperuser` and in the admin."
        )
    credentials = _read_credentials((home or environment.read_home_folder()) / "demonstration_users.json")
    for user in USERS:
        _, password_hash = credentials[user.username]
        fields = {"password": password_hash, "is_superuser": user.role is None, "is_active": True, "is_staff": True}
        account, _ = User.objects.update_or_create(username=user.username, defaults=fields)
        groups = Group.objects.filter(name=user.role)
        if user.role and not groups:
            raise ConfigurationError(f"The group {str(user.role)!r} is missing. Run `manage.py migrate`.")
        account.groups.set(groups)
    return [(user, credentials[user.username][0]) for user in USERS]


def _read_credentials(file: Path) -> dict[str, tuple[str, str]]:
    """Return passwords and their hashes by username, generated once: hashing takes most of a second."""
    text = secret_key.read_or_create_secret(file, _generate_credentials)
    try:
        credentials = json.loads(text)
        return {
            user.username: (credentials[user.username]["password"], credentials[user.username]["hash"])
            for user in USERS
        }
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError(f"Cannot read {file}. Delete it, and new passwords are generated.") from None


def _generate_credentials() -> str:
    passwords = {user.username: secrets.token_urlsafe(9) for user in USERS}
    credentials = {name: {"password": word, "hash": make_password(word)} for name, word in passwords.items()}
    return json.dumps(credentials, indent=2)
