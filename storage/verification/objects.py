"""Presence and hash of the data of each object: stores are called from many threads, the database from one."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ncfd_site.postgres.replicas import use_primary
from storage.content.backends import StorePool, StoreSkippedError, map_concurrently
from storage.content.base import (
    ContentCorruptError,
    ContentNotFoundError,
    InvalidUriError,
    build_uri,
    parse_uri,
    parse_uri_of,
)
from storage.verification.findings import Finding, FindingKind, create_object_finding, describe_object
from storage.verification.options import Check, VerifyOptions
from storage.verification.passes import Page, PageResult, Pass, find_page_ends, read_rows, read_value

# Objects between two points where a run can stop; reading takes longer than asking for a size.
PAGE_SIZES = {Check.PRESENCE: 1_000, Check.HASHES: 128}
MAX_KEY = 2**63 - 1
# A row that changes this often during its check is in use and is not reported.
MAX_ATTEMPTS = 5

# A hash of the key selects the sample, so that the same seed selects the same rows after a stop and on any server.
_SAMPLED = "(hashint8extended(object_id, %(seed)s) & 4294967295) < %(limit)s"
_PAGE = f"""
SELECT object_id, sha256, backend_type, tier, storage_uri, size_bytes, 0 AS version
FROM storage_objects WHERE object_id > %(after)s AND object_id <= %(until)s AND {_SAMPLED}
ORDER BY object_id LIMIT %(size)s
"""  # noqa: S608 (a constant)
_COUNT = f"SELECT count(*) FROM storage_objects WHERE {_SAMPLED}"  # noqa: S608 (a constant)
# The last move distinguishes a row that moved away and back from one that did not change.
_CURRENT = """
SELECT o.object_id, o.sha256, o.backend_type, o.tier, o.storage_uri, o.size_bytes,
       coalesce(moved.last, 0) AS version
FROM storage_objects o
CROSS JOIN LATERAL (SELECT max(e.event_id) AS last FROM storage_events e WHERE e.sha256 = o.sha256
                    AND e.backend_type = o.backend_type AND e.action IN ('moved', 'repaired')) moved
WHERE o.object_id = ANY(%s) ORDER BY o.object_id
"""


@dataclass(frozen=True, slots=True)
class _Row:
    object_id: int
    sha256: str
    backend_type: str
    tier: str
    storage_uri: str
    size_bytes: int
    version: int

    @property
    def name(self) -> str:
        return describe_object(self)

    @property
    def is_addressed(self) -> bool:
        """True if the URI is valid and names this object."""
        try:
            return bool(parse_uri_of(self.sha256, self.storage_uri))
        except InvalidUriError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPass(Pass):
    """A pass through the sampled objects by ID, calling the store of each."""

    options: VerifyOptions
    stores: StorePool
    probe: Callable[[_Row, StorePool], list[Finding]]

    def count(self) -> int:
        return int(read_value(_COUNT, _build_query_parameters(self.options)))

    def split(self) -> list[int]:
        parameters = _build_query_parameters(self.options)
        return find_page_ends("storage_objects", "object_id", PAGE_SIZES[self.check], _SAMPLED, parameters)

    def check_page(self, after: int | None, until: int | None = None) -> Page | None:
        """Check the next objects, and those with findings again."""
        until = MAX_KEY if until is None else until
        at = {"after": -(2**63) if after is None else after, "until": until, "size": PAGE_SIZES[self.check]}
        rows = read_rows(_PAGE, {**_build_query_parameters(self.options), **at}, of=_Row)
        if not rows:
            return None
        result = PageResult()
        suspects = [row.object_id for row, findings in self._probe_all(rows, result) if findings]
        result.findings.extend(self._confirm_findings(suspects, result))
        return Page(rows[-1].object_id, len(rows), len(rows) - result.skipped.total(), result)

    def _confirm_findings(self, suspects: Collection[int], result: PageResult) -> list[Finding]:
        """Return the findings of rows that did not change while their data was checked."""
        confirmed: dict[int, list[Finding]] = {}
        for _ in range(MAX_ATTEMPTS):
            if not suspects:
                break
            before = _read_current_rows(suspects)
            probed = self._probe_all(list(before.values()), result)
            after = _read_current_rows([row.object_id for row, findings in probed if findings])
            confirmed |= {row.object_id: findings for row, findings in probed if after.get(row.object_id) == row}
            suspects = [key for key, row in after.items() if row != before[key]]
        return [finding for key in sorted(confirmed) for finding in confirmed[key]]

    def _probe_all(self, rows: Collection[_Row], result: PageResult) -> list[tuple[_Row, list[Finding]]]:
        probed: list[tuple[_Row, list[Finding]]] = []
        skipped: Counter[str] = Counter()
        for row, answer in zip(rows, map_concurrently(self._probe_one, rows), strict=True):
            if isinstance(answer, StoreSkippedError):
                skipped[answer.backend] += 1
            else:
                probed.append((row, answer))
        result.skipped += skipped
        return probed

    def _probe_one(self, row: _Row) -> list[Finding] | StoreSkippedError:
        try:
            return self.probe(row, self.stores)
        except StoreSkippedError as error:
            return error


def create_object_pass(check: Check, options: VerifyOptions, stores: StorePool) -> ObjectPass:
    """Return the pass of the presence or hash check."""
    if check is Check.PRESENCE:
        probe, step = probe_presence, "Checking presence and size"
    else:
        probe, step = probe_hash if Check.PRESENCE in options.checks else probe_presence_and_hash, "Reading objects"
    return ObjectPass(
        check=check, name=check.value, step=step, unit="objects", options=options, stores=stores, probe=probe
    )


def probe_presence(row: _Row, stores: StorePool) -> list[Finding]:
    """Return the errors of URI and size; raises `StoreSkippedError`."""
    findings = _check_uri(row)
    if not row.is_addressed:
        return findings
    try:
        size = stores.call(parse_uri(row.storage_uri).backend, lambda store: store.get_size(row.storage_uri))
    except (ContentNotFoundError, InvalidUriError) as error:
        return [*findings, _build_unreadable_finding(row, error)]
    return [*findings, *_check_size(row, size)]


def probe_hash(row: _Row, stores: StorePool) -> list[Finding]:
    """Return a finding if the data is corrupt; raises `StoreSkippedError`."""
    return [one for one in probe_presence_and_hash(row, stores) if one.kind is FindingKind.CORRUPT]


def probe_presence_and_hash(row: _Row, stores: StorePool) -> list[Finding]:
    """Return the error of the URI, or of the data read in full; raises `StoreSkippedError`."""
    if not row.is_addressed:
        return _check_uri(row)
    try:
        stores.call(parse_uri(row.storage_uri).backend, lambda store: sum(map(len, store.iter_chunks(row.storage_uri))))
    except (ContentNotFoundError, InvalidUriError) as error:
        return [_build_unreadable_finding(row, error)]
    except ContentCorruptError as error:
        message = f"{row.name} is corrupt: the data at {row.storage_uri} has the hash {error.actual_hash}."
        return [
            create_object_finding(
                FindingKind.CORRUPT, row, message, expected=row.sha256.lower(), actual=error.actual_hash
            )
        ]
    return []


def _check_uri(row: _Row) -> list[Finding]:
    """Return a finding if the object's URI is malformed or names another hash than the row."""
    try:
        backend = parse_uri(row.storage_uri).backend
    except InvalidUriError:
        message = f"{row.name} has {row.storage_uri[:200]!r}, which is not a storage URI."
    else:
        if not row.is_addressed:
            message = f"{row.name} has {row.storage_uri}, which is the URI of another object."
        elif row.tier != backend:
            message = f"{row.name} has the tier {row.tier}, but the URI {row.storage_uri}."
        else:
            return []
    return [
        create_object_finding(
            FindingKind.URI, row, message, expected=build_uri(row.tier, row.sha256.lower()), actual=row.storage_uri
        )
    ]


def _build_unreadable_finding(row: _Row, error: Exception) -> Finding:
    if isinstance(error, ContentNotFoundError):
        message = f"{row.name} has no data at {row.storage_uri}."
        return create_object_finding(FindingKind.MISSING, row, message, expected=row.size_bytes or None)
    return create_object_finding(FindingKind.URI, row, f"{row.name}: {error}", actual=row.storage_uri)


def _check_size(row: _Row, size: int) -> list[Finding]:
    if size == row.size_bytes:
        return []
    if row.size_bytes == 0:
        message = f"{row.name} has {size:,} bytes, and its row has no size yet."
        return [create_object_finding(FindingKind.UNKNOWN_SIZE, row, message, expected=0, actual=size)]
    message = f"{row.name} has {size:,} bytes, but its row has {row.size_bytes:,}."
    return [create_object_finding(FindingKind.SIZE, row, message, expected=row.size_bytes, actual=size)]


def _read_current_rows(object_ids: Iterable[int]) -> dict[int, _Row]:
    # What a replica has not replayed yet is no finding.
    with use_primary():
        return {row.object_id: row for row in read_rows(_CURRENT, [list(object_ids)], of=_Row)}


def _build_query_parameters(options: VerifyOptions) -> dict[str, int]:
    return {"seed": options.seed, "limit": round(options.sample * 2**32)}
