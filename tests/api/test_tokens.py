"""Tokens: what they let a program do, when they end, and what is kept of them."""

import logging
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ncfd_site.api.models import ApiToken
from ncfd_site.api.tokens import MAX_ACTIVE, TokenError, create_token, find_token_user, hash_token, revoke_token
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_of_a_token_only_the_hash_is_kept() -> None:
    made = create_token(make_user(), "a notebook", 30)
    assert made.text.startswith("ncfd_")
    assert len(made.text) > 45
    row = str(ApiToken.objects.values().get())
    assert made.text not in row
    assert hash_token(made.text) in row


def test_a_token_is_its_person() -> None:
    rita = make_user()
    assert find_token_user(create_token(rita, "a notebook", 30).text) == rita


@pytest.mark.parametrize("change", ["expired", "revoked", "inactive", "deleted"])
def test_an_invalid_token_does_not_authenticate(client: Client, change: str) -> None:
    rita = make_user()
    made = create_token(rita, "a notebook", 30)
    if change == "expired":
        ApiToken.objects.update(expires_at=timezone.now())
    elif change == "revoked":
        revoke_token(rita, made.token.pk)
    elif change == "inactive":
        rita.is_active = False
        rita.save()
    else:
        rita.delete()
    assert find_token_user(made.text) is None
    assert client.get("/api/v1/links", headers={"authorization": f"Bearer {made.text}"}).status_code == 401


@pytest.mark.parametrize("text", ["", "ncfd_", "other", "ncfd_\udcff", "ncfd_" + "x" * 100_000])
def test_malformed_text_does_not_authenticate(text: str) -> None:
    assert find_token_user(text) is None


def test_a_token_loses_what_its_person_loses(client: Client) -> None:
    rita = make_user()
    shown = {"authorization": f"Bearer {create_token(rita, 'a notebook', 30).text}"}
    assert client.get("/api/v1/links", headers=shown).status_code == 200
    rita.groups.clear()
    assert client.get("/api/v1/links", headers=shown).status_code == 403


def test_use_is_noted_at_most_once_a_minute() -> None:
    made = create_token(make_user(), "a notebook", 30)
    find_token_user(made.text)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    find_token_user(made.text)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=1))
    find_token_user(made.text)
    later = ApiToken.objects.get().last_used_at
    assert later is not None
    assert later >= first


def test_revoking_twice_keeps_the_first_moment() -> None:
    rita = make_user()
    token = create_token(rita, "a notebook", 30).token
    first = revoke_token(rita, token.pk).revoked_at
    assert revoke_token(rita, token.pk).revoked_at == first


def test_tokens_of_other_users_cannot_be_revoked() -> None:
    token = create_token(make_user(), "a notebook", 30).token
    with pytest.raises(ApiToken.DoesNotExist):
        revoke_token(make_user(Role.OPERATOR), token.pk)


@pytest.mark.parametrize(("name", "days"), [("", 30), (" ", 30), ("x\x00", 30), ("x", 0), ("x", 366)])
def test_a_token_without_a_name_or_an_end_is_not_made(name: str, days: int) -> None:
    with pytest.raises(TokenError):
        create_token(make_user(), name, days)


def test_a_person_has_so_many_open_tokens_and_no_more() -> None:
    rita = make_user()
    made = [create_token(rita, "a notebook", 30) for _ in range(MAX_ACTIVE)]
    with pytest.raises(TokenError, match="Revoke one"):
        create_token(rita, "one more", 30)
    revoke_token(rita, made[0].token.pk)
    create_token(rita, "one more", 30)


def test_a_token_is_found_by_its_index() -> None:
    create_token(make_user(), "a notebook", 30)
    sql.execute("SET LOCAL enable_seqscan = off")
    plan = sql.value("EXPLAIN (FORMAT JSON) SELECT * FROM site_api_tokens WHERE token_sha256 = %s", [hash_token("x")])
    assert "uq_site_api_tokens_sha256" in str(plan)


def test_no_log_contains_a_token(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    made = create_token(make_user(), "a notebook", 30)
    caplog.set_level(logging.DEBUG)
    for address in ("links", "nothing", "links?limit=0"):
        client.get(f"/api/v1/{address}", headers={"authorization": f"Bearer {made.text}"})
        client.get(f"/api/v1/{address}", headers={"authorization": f"Bearer {made.text}x"})
    messages = [record.getMessage() for record in caplog.records if record.name != "django.db.backends"]
    assert made.text not in " ".join(messages)
