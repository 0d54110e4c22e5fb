"""API tokens, with which programs read the API as a user. The database stores only the hash of a token."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import InternalError, transaction
from django.utils import timezone
from psycopg.errors import ReadOnlySqlTransaction

from ncfd_site.api.models import ApiToken

PREFIX = "ncfd_"
RANDOM_BYTES = 32
MAX_ACTIVE = 20
MIN_DAYS, MAX_DAYS, DEFAULT_DAYS = 1, 365, 90
# The precision of `last used`, so that not every request writes.
USE_PRECISION = timedelta(minutes=1)


class TokenError(Exception):
    """A token cannot be created."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token with its text, which is shown once."""

    token: ApiToken
    text: str


def create_token(actor: User, name: str, days: int) -> NewToken:
    """Create a token that expires after `days`. Raises TokenError for invalid values or too many tokens."""
    if not name.strip() or "\x00" in name:
        raise TokenError("Enter a name for the token.")
    if not MIN_DAYS <= days <= MAX_DAYS:
        raise TokenError(f"Enter a lifetime from {MIN_DAYS} to {MAX_DAYS} days.")
    with transaction.atomic():
        # Serializes concurrent requests of one user, so that the limit holds.
        User.objects.select_for_update().get(pk=actor.pk)
        now = timezone.now()
        if ApiToken.objects.filter(user=actor, revoked_at__isnull=True, expires_at__gt=now).count() >= MAX_ACTIVE:
            raise TokenError(f"You have {MAX_ACTIVE} active tokens. Revoke one first.")
        text = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        token = ApiToken.objects.create(
            user=actor, name=name.strip(), token_sha256=hash_token(text), expires_at=now + timedelta(days=days)
        )
    return NewToken(token, text)


def revoke_token(actor: User, token_id: int) -> ApiToken:
    """Revoke a user's own token; idempotent. Raises ApiToken.DoesNotExist."""
    with transaction.atomic():
        token = ApiToken.objects.select_for_update().get(pk=token_id, user=actor)
        if token.revoked_at is None:
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
    return token


def list_tokens(user: User) -> list[ApiToken]:
    """Return all tokens of a user, newest first."""
    return list(ApiToken.objects.filter(user=user).order_by("-pk"))


def find_token_user(text: str) -> User | None:
    """Return the user of an active token; None for unknown, expired or revoked tokens and inactive users.

    Records the use at most once a minute.
    """
    if not text.startswith(PREFIX):
        return None
    now = timezone.now()
    found = ApiToken.objects.filter(token_sha256=hash_token(text), revoked_at__isnull=True, expires_at__gt=now)
    token = found.filter(user__is_active=True).select_related("user").first()
    if token is None:
        return None
    if token.last_used_at is None or token.last_used_at <= now - USE_PRECISION:
        try:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        except InternalError as error:
            # A site on a standby reads only.
            if not isinstance(error.__cause__, ReadOnlySqlTransaction):
                raise
    return token.user


def hash_token(text: str) -> str:
    """Return the SHA-256 of a token. 256 random bits need no salt."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
