"""People to try the site as: one for each role and a superuser, on the embedded server only."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from ncfd_site.config import database, environment
from ncfd_site.config import secret_key as signing
from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.roles import Role


@dataclass(frozen=True)
class Person:
    """A user of the demonstration; no role means superuser."""

    username: str
    role: Role | None
    does: str


@dataclass(frozen=True)
class Credentials:
    """A password and its hash: hashing takes most of a second, so it is done once."""

    password: str
    hash: str


PEOPLE = [
    Person("rita", Role.REVIEWER, "labels links"),
    Person("adam", Role.ADJUDICATOR, "labels links and settles disagreements"),
    Person("olga", Role.OPERATOR, "operates storage and securities"),
    Person("ana", Role.ANALYST, "reads everything"),
    Person("admin", None, "may do everything"),
]


def create(home: Path | None = None) -> list[tuple[Person, str]]:
    """Make the users that are missing, with their groups; returns each person with the password.

    Raises `Misconfigured` where DATABASE_URL is set: passwords that are printed have no place on a server of others.
    """
    if not database.is_embedded():
        raise ConfigurationError(
            "Demonstration users exist on the embedded server only, but DATABASE_URL is set: make users with "
            "`manage.py createsuperuser` and in the admin."
        )
    with transaction.atomic():
        kept = _kept((home or environment.home()) / "demonstration_users.json")
        for person in PEOPLE:
            _make(person, kept[person.username].hash)
    return [(person, kept[person.username].password) for person in PEOPLE]


def _make(person: Person, password_hash: str) -> None:
    user, _ = User.objects.update_or_create(
        username=person.username,
        defaults={
            "password": password_hash,
            "is_active": True,
            "is_staff": True,
            "is_superuser": person.role is None,
        },
    )
    try:
        user.groups.set([Group.objects.get(name=person.role)] if person.role else [])
    except Group.DoesNotExist:
        raise ConfigurationError(f"There is no group {str(person.role)!r}: run `manage.py migrate`.") from None


def _kept(file: Path) -> dict[str, Credentials]:
    text = signing.kept_secret(file, _fresh)
    try:
        kept = {username: Credentials(**credentials) for username, credentials in json.loads(text).items()}
        return {person.username: kept[person.username] for person in PEOPLE}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigurationError(
            f"{file} is not what was written there: remove it, and new passwords are made."
        ) from None


def _fresh() -> str:
    passwords = {person.username: secrets.token_urlsafe(9) for person in PEOPLE}
    credentials = {name: Credentials(password, make_password(password)) for name, password in passwords.items()}
    return json.dumps({name: asdict(one) for name, one in credentials.items()}, indent=2)
