"""Fills a disk, in a process of its own: `python -m tests.storage.content.filling FOLDER [LIMIT]`.

The folder takes about 4 MiB, or, with a limit, files of that many bytes. Prints as JSON what the stores said, and which
files they left.
"""

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from storage.content import CHUNK, ContentError, LocalContentStore
from storage.content.s3 import MOST
from storage.content.spool import spooled

BIG = 8 * CHUNK


def said(act: Callable[[], object]) -> list[str]:
    """The class and the text of the error of the store; any other ends the process."""
    try:
        act()
    except ContentError as error:
        return [type(error).__name__, str(error)]
    return []


def spool(content: bytes) -> None:
    """Keep content the way the S3 backend does before it sends."""
    with spooled(content, MOST):
        pass


def main() -> None:
    """Fill, tell, make room, and write again."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    root, temporary = folder / "content", folder / "temporary"
    temporary.mkdir()
    tempfile.tempdir = str(temporary)
    store = LocalContentStore(root)
    kept = store.put(b"was there before")
    big = os.urandom(BIG)
    told = {
        "whole": said(lambda: store.put(big)),
        "streamed": said(lambda: store.put(big[start : start + 1000] for start in range(0, BIG, 1000))),
        "many": said(lambda: store.put_all([b"little", big, os.urandom(BIG)])),
        "spooled": said(lambda: spool(big)),
    }
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    after = store.read(store.put(os.urandom(CHUNK // 2)).uri)
    result = {
        "told": told,
        "files": files,
        "kept": [f"content/{kept.sha256[:2]}/{kept.sha256}"],
        "readable": store.read(kept.uri) == b"was there before",
        "recovered": len(after) == CHUNK // 2,
    }
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main()
