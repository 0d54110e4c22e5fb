"""Reading with the hash checked on the way."""

import hashlib
from collections.abc import Iterator

from storage.content.errors import ContentDamaged


def verified(uri: str, sha256: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pass the pieces on, the last one only when the hash is right; raises `ContentDamaged` instead of it.

    Whoever writes what it gets to a file or a socket can therefore never take damaged content for whole.
    """
    digest, held = hashlib.sha256(), b""
    for piece in pieces:
        digest.update(piece)
        if held:
            yield held
        held = piece
    if digest.hexdigest() != sha256:
        raise ContentDamaged(f"The content stored under {uri} is damaged: its hash is {digest.hexdigest()}.")
    if held:
        yield held
