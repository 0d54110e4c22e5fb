"""Child process that fills a disk: `python -m tests.storage.content.fill_disk FOLDER [LIMIT]`.

The folder holds about 4 MiB, or, with a limit, files of that many bytes. Prints the stores' errors and their files as
JSON.
"""

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from storage.content.base import CHUNK, ContentError
from storage.content.local import LocalContentStore
from storage.content.s3 import MAX_SIZE
from storage.content.spool import spool_content

BIG = 8 * CHUNK


def capture_error(act: Callable[[], object]) -> list[str]:
    """Return class and message of the store's error; other exceptions end the process."""
    try:
        act()
    except ContentError as error:
        return [type(error).__name__, str(error)]
    return []


def spool(content: bytes) -> None:
    """Spool content as the S3 backend does."""
    with spool_content(content, MAX_SIZE):
        pass


def main() -> None:
    """Fill the disk, print the errors, and write again."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    root, temporary = folder / "content", folder / "temporary"
    temporary.mkdir()
    tempfile.tempdir = str(temporary)
    store = LocalContentStore(root)
    kept = store.put(b"was there before")
    big = os.urandom(BIG)
    errors = {
        "whole": capture_error(lambda: store.put(big)),
        "streamed": capture_error(lambda: store.put(big[start : start + 1000] for start in range(0, BIG, 1000))),
        "many": capture_error(lambda: store.put_many([b"little", big, os.urandom(BIG)])),
        "spooled": capture_error(lambda: spool(big)),
    }
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    after = store.read(store.put(os.urandom(CHUNK // 2)).uri)
    result = {
        "errors": errors,
        "files": files,
        "kept": [f"content/{kept.sha256[:2]}/{kept.sha256}"],
        "readable": store.read(kept.uri) == b"was there before",
        "recovered": len(after) == CHUNK // 2,
    }
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main()
