"""The places that a person had lately, kept in the session: so that a note outlives a lease that ends."""

import uuid

from django.contrib.sessions.backends.base import SessionBase

PLACES, NOTES = "review_places", "review_notes"
MOST_KEPT = 20


def remember(session: SessionBase, token: uuid.UUID | None, slot_id: int, note: str = "") -> None:
    """Remember that a place was leased to this person, and the note that its form begins with."""
    _put(session, PLACES, token, slot_id)
    if note:
        _put(session, NOTES, token, note)


def had(session: SessionBase, token: uuid.UUID | str) -> int | None:
    """Return the place that was leased to this person by the token, whoever has it now; None for a token of others."""
    found: int | None = session.get(PLACES, {}).get(str(token))
    return found


def note_of(session: SessionBase, token: uuid.UUID | None) -> str:
    """Return the note that the form of a place begins with."""
    return str(session.get(NOTES, {}).get(str(token), ""))


def _put(session: SessionBase, name: str, token: uuid.UUID | None, value: int | str) -> None:
    kept = {**session.get(name, {}), str(token): value}
    session[name] = dict(list(kept.items())[-MOST_KEPT:])
