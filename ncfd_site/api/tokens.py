"""Tokens: with what a program reads the API in the name of a person.

The text of a token is known to whoever made it and to nobody else: the database has its hash.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from ncfd_site.api.models import ApiToken

PREFIX = "ncfd_"
RANDOM_BYTES = 32
MOST_OPEN = 20
LEAST_DAYS, MOST_DAYS, USUAL_DAYS = 1, 365, 90
# How exact `last used` is: a program that asks often does not write each time.
USE_IS_NOTED_EVERY = timedelta(minutes=1)


class TokenError(Exception):
    """A token is not made or not revoked; the message says why."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made, with its text, which nobody can read again."""

    token: ApiToken
    text: str


def create_token(actor: User, name: str, days: int) -> NewToken:
    """Make a token of a person that ends after so many days. Raises TokenRefused where it may not be."""
    if not name.strip() or "\x00" in name:
        raise TokenError("A token needs a name that tells what it is for.")
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise TokenError(f"A token lasts from {LEAST_DAYS} to {MOST_DAYS} days.")
    with transaction.atomic():
        # Two windows of one person take turns here, so that the limit holds.
        User.objects.select_for_update().get(pk=actor.pk)
        if len(list_active_tokens(actor)) >= MOST_OPEN:
            raise TokenError(f"You have {MOST_OPEN} tokens that work: revoke one that you no longer need.")
        text = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        ends = timezone.now() + timedelta(days=days)
        token = ApiToken.objects.create(user=actor, name=name.strip(), token_sha256=hash_token(text), expires_at=ends)
    return NewToken(token, text)


def revoke_token(actor: User, token_id: int) -> ApiToken:
    """Take a person's own token back for good. Raises ApiToken.DoesNotExist; a second time changes nothing."""
    with transaction.atomic():
        token = ApiToken.objects.select_for_update().get(pk=token_id, user=actor)
        if token.revoked_at is None:
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
    return token


def list_tokens(person: User) -> list[ApiToken]:
    """Return all tokens of a person, the newest first."""
    return list(ApiToken.objects.filter(user=person).order_by("-pk"))


def list_active_tokens(person: User) -> list[ApiToken]:
    """Return the tokens of a person that work."""
    return list(ApiToken.objects.filter(user=person, revoked_at__isnull=True, expires_at__gt=timezone.now()))


def find_token_user(text: str) -> User | None:
    """Return whose token this is, or None where it is none, has ended, is revoked or the person is not active.

    Notes that it was used, at most once a minute.
    """
    if not text.startswith(PREFIX):
        return None
    now = timezone.now()
    found = ApiToken.objects.filter(token_sha256=hash_token(text), revoked_at__isnull=True, expires_at__gt=now)
    token = found.filter(user__is_active=True).select_related("user").first()
    if token is None:
        return None
    if token.last_used_at is None or token.last_used_at <= now - USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


def hash_token(text: str) -> str:
    """Return the SHA-256 of a token. It needs no salt: nobody can guess 256 random bits."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
