"""Catalogs of the revisions, cached in NCFD_HOME/cache/catalogs.

The name of an entry is a digest of all that decides its content: server, role, session settings, and the files of the
revisions. Entries that are missing, corrupt or not accessible are rebuilt.
"""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from ncfd_site.config import environment
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import expected, revisions

# Each takes about 20 kB.
KEPT_ENTRIES = 10

_FACTS = """
    SELECT version(), d.encoding, d.datcollate, d.datctype, r.rolsuper, r.rolcreatedb,
           (SELECT string_agg(concat_ws(' ', name, default_version), ',' ORDER BY name) FROM pg_available_extensions),
           (SELECT string_agg(concat_ws(' ', name, setting), ',' ORDER BY name) FROM pg_settings
            WHERE name IN ('bytea_output', 'DateStyle', 'default_table_access_method', 'extra_float_digits',
                           'IntervalStyle', 'lc_monetary', 'quote_all_identifiers', 'standard_conforming_strings',
                           'TimeZone'))
    FROM pg_database d, pg_roles r
    WHERE d.datname = 'template0' AND r.rolname = current_user
"""


def find_entry(server: Mapping[str, Any]) -> Path:
    """Return the file for the revisions of this code on a server; it need not exist."""
    with psycopg.connect(**server) as connection:
        facts = connection.execute(_FACTS).fetchone()
    key = hashlib.sha256(repr((facts, revisions.files_digest())).encode()).hexdigest()
    return environment.read_home_folder() / "cache" / "catalogs" / f"{key[:32]}.json.gz"


def read(entry: Path, wanted: Sequence[str]) -> dict[str, Catalog] | None:
    """Return the cached catalogs of consecutive revisions; None without a sound entry."""
    try:
        # Its checksum detects damage.
        return expected.unfold(json.loads(gzip.decompress(entry.read_bytes())), wanted)
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError):
        return None


def write(entry: Path, catalogs: Mapping[str, Catalog]) -> None:
    """Cache the catalogs of consecutive revisions and drop the oldest entries; do nothing where that fails."""
    content = gzip.compress(json.dumps(expected.fold(catalogs)).encode())
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=entry.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(unfinished).replace(entry)
        except OSError:
            Path(unfinished).unlink()
            raise
        for old in sorted(entry.parent.glob("*.gz"), key=lambda path: path.stat().st_mtime)[:-KEPT_ENTRIES]:
            old.unlink(missing_ok=True)
