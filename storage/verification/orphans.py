"""What lies in a store against what names it: rows, documents, tombstones."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings

from ncfd_site.core.formatting import format_duration
from storage.content import ContentNotFoundError, InvalidUriError, ListedObject
from storage.content.uris import build_uri, parse_hash
from storage.verification.findings import Check, Finding, Kind
from storage.verification.options import VerifyOptions
from storage.verification.overlapping import overlapped
from storage.verification.passes import Looked, Page
from storage.verification.reading import read, read_value
from storage.verification.stores import NotAsked, Stores

# Contents of a listing at a time.
LISTED = 5_000
# Hashes are spread evenly, and begin with so many pairs of digits: those that are passed say how far a listing is.
FOLDERS = 256

_UNNAMED = """
SELECT given.uri, clock_timestamp() AS at FROM unnest(%s::text[]) AS given (uri)
WHERE NOT is_storage_uri_in_use(given.uri)
  AND NOT EXISTS (SELECT FROM storage_tombstones t WHERE t.storage_uri = given.uri)
"""
_ANY_THERE = "SELECT EXISTS (SELECT FROM storage_objects WHERE tier = %(backend)s OR backend_type = %(backend)s)"


@dataclass(frozen=True, slots=True)
class _Unnamed:
    uri: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingPass:
    """Through all that one store holds, in the order of the hashes."""

    backend: str
    options: VerifyOptions
    stores: Stores
    check: Check = Check.ORPHANS
    unit: str = "folders"

    @property
    def name(self) -> str:
        """The store."""
        return f"bytes in {self.backend}"

    @property
    def step(self) -> str:
        """Which store is listed."""
        return f"Looking for bytes without a row in {self.backend}"

    def total(self) -> int:
        """The folders of a store, or what a key in S3 begins with."""
        return FOLDERS

    def page(self, after: str | None) -> Page | None:
        """The next contents, held against the database."""
        if after == self._end:
            return None
        begun = int(parse_hash(after, self.backend)[:2], 16) if after else 0
        if after is None and not self._is_in_use():
            return None
        try:
            held = self.stores.ask(self.backend, lambda store: list(islice(store.list_objects(after=after), LISTED)))
        except NotAsked:
            looked = Looked()
            looked.unchecked[self.backend] = 0
            return Page(self._end, 0, 0, looked)
        if not held:
            return Page(self._end, FOLDERS - begun, 0, Looked()) if after else None
        last = held[-1].uri
        return Page(last, int(parse_hash(last, self.backend)[:2], 16) - begun, len(held), self._look(held))

    @property
    def _end(self) -> str:
        return build_uri(self.backend, "f" * 64)

    def _is_in_use(self) -> bool:
        """Whether something can be there: nobody needs to set up a store, or make a folder, that nothing lies in."""
        is_there = settings.CONTENT_ROOT.exists() if self.backend == "local" else bool(settings.CONTENT_S3_BUCKET)
        return is_there or bool(read_value(_ANY_THERE, {"backend": self.backend}))

    def _look(self, held: list[ListedObject]) -> Looked:
        looked, young = Looked(), timedelta(minutes=self.options.young_minutes)
        nameless = unnamed([one.uri for one in held])
        suspects = []
        for one in held:
            if one.uri in nameless and nameless[one.uri] - one.modified_at < young:
                looked.young += 1
            elif one.uri in nameless:
                suspects.append(one)
        # Who deletes takes the bytes first and the tombstone then, and who puts them anew names them first: only what
        # is there, old, and unnamed before and after that look, is nobody's.
        there = []
        for one, modified in zip(suspects, overlapped(self._modified, suspects), strict=True):
            if isinstance(modified, NotAsked):
                looked.unchecked[self.backend] += 1
            elif modified is not None and nameless[one.uri] - modified >= young:
                there.append(one)
        still = unnamed([one.uri for one in there])
        looked.findings += [_orphan(one, still[one.uri] - one.modified_at) for one in there if one.uri in still]
        return looked

    def _modified(self, one: ListedObject) -> datetime | NotAsked | None:
        """When the bytes were put, None where they are gone."""
        try:
            return self.stores.ask(self.backend, lambda store: store.get_modified_at(one.uri))
        except (ContentNotFoundError, InvalidUriError):
            return None
        except NotAsked as refusal:
            return refusal


def listing_passes(options: VerifyOptions, stores: Stores) -> list[ListingPass]:
    """A pass for each store."""
    return [ListingPass(backend=backend, options=options, stores=stores) for backend in ("local", "s3")]


def unnamed(uris: list[str]) -> dict[str, datetime]:
    """Those addresses that nothing names, and the time by the database."""
    return {one.uri: one.at for one in read(_UNNAMED, [uris], of=_Unnamed)} if uris else {}


def _orphan(one: ListedObject, age: timedelta) -> Finding:
    return Finding(
        kind=Kind.ORPHAN,
        sentence=(
            f"{one.size:,} bytes lie at {one.uri} since {format_duration(age)}, and no row, document or tombstone"
            " names them."
        ),
        sha256=one.uri[-64:],
        backend_type=one.uri.partition(":")[0],
        address=one.uri,
        found=one.size,
    )
