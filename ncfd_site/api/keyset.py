"""Keyset pagination: the next page starts after the last row, so every page costs the same.

A cursor is the keys of the last row, signed together with the list and its filters, so it cannot be forged or used for
another list. It contains no time, so the same page has the same ETag.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.core import signing
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.http import HttpRequest

from ncfd_site.api.problems import BadRequest

Row = TypeVar("Row", bound=Model)
LEAST, MOST, USUAL = 1, 200, 50


@dataclass(frozen=True, slots=True)
class Key:
    """A column of the order of a list, as the ORM names it.

    `nullable`: NULL comes last. `exclude_nulls`: reverse order; rows with NULL are excluded, so that the same index is
    scanned backwards.
    """

    path: str
    descending: bool = False
    nullable: bool = False
    exclude_nulls: bool = False

    @property
    def order(self) -> OrderBy:
        """The key as a part of ORDER BY, as in the indexes: NULLS only for nullable columns."""
        nulls_last, nulls_first = self.nullable or None, self.exclude_nulls or None
        column = F(self.path)
        if self.descending:
            return column.desc(nulls_last=nulls_last, nulls_first=nulls_first)
        return column.asc(nulls_last=nulls_last, nulls_first=nulls_first)

    def build_after(self, value: Any) -> Q:
        """Return the condition of rows after a value, without NULL."""
        return Q(**{f"{self.path}__{'lt' if self.descending else 'gt'}": value})

    def is_null(self) -> Q:
        """Return the condition of NULL."""
        return Q(**{f"{self.path}__isnull": True})

    def get_value(self, row: Any) -> Any:
        """Return the value that a row has for this key."""
        for name in self.path.split("__"):
            row = getattr(row, name)
        return row


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, and the address of the next page."""

    rows: list[Any]
    next: str | None


def page(
    request: HttpRequest, rows: QuerySet[Row], keys: Sequence[Key], limit: int, cursor: str | None, scope: str = ""
) -> Page:
    """Return the page after `cursor`; the keys are a unique one, or another one and a unique one.

    `scope` distinguishes this list from others of the same address. Raises BadRequest for a foreign cursor.
    """
    filters = sorted((key, request.GET[key]) for key in request.GET if key not in ("cursor", "limit"))
    signer = signing.Signer(salt=f"ncfd.api {request.path} {filters!r} {scope}")
    after = _decode_cursor(signer, cursor, len(keys)) if cursor else None
    ordered = rows.order_by(*(key.order for key in keys))
    found: list[Row] = []
    # One index range after another: an OR of them would scan from the start.
    for part in _build_page_conditions(keys, after):
        found += ordered.filter(part)[: limit + 1 - len(found)]
        if len(found) > limit:
            break
    if len(found) <= limit:
        return Page(found, None)
    kept = found[:limit]
    token = signer.sign_object([_encode_key_value(key.get_value(kept[-1])) for key in keys])
    return Page(kept, following(request, token))


def following(request: HttpRequest, cursor: str) -> str:
    """Return the address of this request with another cursor."""
    asked = request.GET.copy()
    asked["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{asked.urlencode()}")


def _build_page_conditions(keys: Sequence[Key], after: Sequence[Any] | None) -> list[Q]:
    if after is None:
        return [Q(*(~key.is_null() for key in keys if key.exclude_nulls))]
    *leading, unique = keys
    behind = unique.build_after(after[-1])
    if not leading:
        return [behind]
    key, value = leading[0], after[0]
    if value is None:
        return [key.is_null() & behind]
    rest = [key.is_null()] if key.nullable else []
    return [Q(**{key.path: value}) & behind, key.build_after(value), *rest]


def _encode_key_value(value: Any) -> Any:
    match value:
        case datetime():
            return {"moment": value.isoformat()}
        case date():
            return {"day": value.isoformat()}
        case Decimal():
            return {"number": str(value)}
        case _:
            return value


def _decode_cursor(signer: signing.Signer, cursor: str, length: int) -> list[Any]:
    try:
        values = signer.unsign_object(cursor)
    except (signing.BadSignature, ValueError, UnicodeError) as error:
        raise BadRequest(
            "This cursor belongs to another list or other filters. Start without a cursor.", "cursor"
        ) from error
    if not isinstance(values, list) or len(values) != length:
        raise BadRequest("This cursor belongs to an earlier version of the list. Start without a cursor.", "cursor")
    return [_decode_key_value(value) for value in values]


def _decode_key_value(written: Any) -> Any:
    match written:
        case {"moment": text}:
            return datetime.fromisoformat(text)
        case {"day": text}:
            return date.fromisoformat(text)
        case {"number": text}:
            return Decimal(text)
        case _:
            return written
