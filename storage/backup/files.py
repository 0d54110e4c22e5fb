"""The files of backups in one destination: their format, names and encryption.

Encryption is AES-256-GCM in frames of 1 MiB, with a key for each file derived from BACKUP_KEY; `docs/operations.md`
describes the format. A cut, reordered, renamed or changed file does not decrypt.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError
from storage.backup.destinations import INCOMING, Destination, open_destination
from storage.backup.errors import BackupDamagedError, BackupError, BackupFileMissingError

FORMAT = 1
FORMAT_FILE = "format.json"
MAGIC = b"NCFDENC1"
SALT, TAG, FRAME = 16, 16, 1 << 20
MIN_KEY_LENGTH = 32


def read_key() -> bytes:
    """Return BACKUP_KEY, empty if it is unset; raises `ConfigurationError`."""
    key = environment.read_secret("BACKUP_KEY")
    if key and len(key) < MIN_KEY_LENGTH:
        raise ConfigurationError(
            f"BACKUP_KEY has fewer than {MIN_KEY_LENGTH} characters. Generate one with `python -c "
            '"import secrets; print(secrets.token_urlsafe(32))"`.'
        )
    return key.encode()


def open_backups(place: str) -> "BackupFiles":
    """Return the files of a folder or s3://BUCKET/PREFIX with BACKUP_KEY; raises `ConfigurationError`."""
    if not place:
        raise ConfigurationError("Name the place of the backups: with an option, or in BACKUP_TO.")
    return BackupFiles(open_destination(place), read_key())


class BackupFiles:
    """Files of a destination, encrypted if there is a key."""

    def __init__(self, destination: Destination, key: bytes) -> None:
        self.destination = destination
        self._key = key
        self.key_id = _derive_key(key, b"", b"ncfd backup key ID", 8).hex() if key else ""

    def open(self, database: str = "") -> None:
        """Read the format of the destination, written for `database` if that is given and the destination is new.

        Raises `ConfigurationError` if the key is another one, and `BackupError` if the database or the format is.
        """
        try:
            found = self._read_format()
        except BackupFileMissingError:
            if not database:
                raise BackupError("There are no backups in this place. Correct --from.") from None
            if any(name.partition("/")[0] != INCOMING for name, _ in self.destination.list_files("")):
                raise BackupError("The destination has files that are no backup. Use an empty one.") from None
            found = {"format": FORMAT, "database": database, "key_id": self.key_id}
            self.destination.write(FORMAT_FILE, [json.dumps(found).encode()])
        if found["format"] != FORMAT:
            raise BackupError(f"The backups have format {found['format']}, which a newer version of the site wrote.")
        if found["key_id"] and not self._key:
            raise ConfigurationError(f"The backups are encrypted. Set BACKUP_KEY to the key {found['key_id']}.")
        if found["key_id"] != self.key_id:
            raise ConfigurationError(
                f"The backups are encrypted with the key {found['key_id']}, and BACKUP_KEY is the key {self.key_id}. "
                "Use that key, or another destination."
                if found["key_id"]
                else "BACKUP_KEY is set, but the backups in this place are not encrypted. Use another destination, or "
                "unset BACKUP_KEY."
            )
        if database and found["database"] != database:
            raise BackupError(
                f"The destination has backups of another database ({found['database']}; this one is {database}). Use "
                "another destination."
            )

    def content_name(self, sha256: str) -> str:
        """Return the name of the file with the content of a hash; it does not show the hash if files are encrypted."""
        name = hmac.new(self._key, sha256.encode(), hashlib.sha256).hexdigest() if self._key else sha256
        return f"content/{name[:2]}/{name}"

    def plain_size(self, size: int) -> int:
        """Return the size of the content of a file with `size` bytes."""
        if not self._key:
            return size
        encrypted = size - len(MAGIC) - SALT
        return encrypted - TAG * -(-encrypted // (FRAME + TAG))

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Store a file, whole or not at all."""
        self.destination.write(name, self._encrypt(name, chunks) if self._key else chunks)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file; raises `BackupDamagedError` if it is missing or does not decrypt."""
        try:
            chunks = self.destination.read(name)
            yield from self._decrypt(name, chunks) if self._key else chunks
        except BackupFileMissingError:
            raise BackupDamagedError(f"The backup is damaged: {name} is missing. Use another backup.") from None
        except InvalidTag:
            raise BackupDamagedError(f"The backup is damaged: {name} does not decrypt. Use another backup.") from None

    def _read_format(self) -> dict[str, Any]:
        text = b"".join(self.destination.read(FORMAT_FILE))
        try:
            found: dict[str, Any] = json.loads(text)
            return {name: found[name] for name in ("format", "database", "key_id")}
        except (ValueError, KeyError, TypeError):
            raise BackupDamagedError(f"{FORMAT_FILE} of the backups is damaged. Restore it from a copy.") from None

    def _encrypt(self, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        salt = secrets.token_bytes(SALT)
        cipher = self._build_cipher(salt)
        yield MAGIC + salt
        for number, (frame, is_last) in enumerate(_split(chunks, FRAME)):
            yield cipher.encrypt(_build_nonce(number, is_last), frame, name.encode())

    def _decrypt(self, name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        header = b""
        while len(header) < len(MAGIC) + SALT:
            chunk = next(chunks, b"")
            if not chunk:
                raise InvalidTag
            header += chunk
        salt, rest = header[len(MAGIC) : len(MAGIC) + SALT], header[len(MAGIC) + SALT :]
        if header[: len(MAGIC)] != MAGIC:
            raise InvalidTag
        cipher = self._build_cipher(salt)
        for number, (frame, is_last) in enumerate(_split(_prepend_chunk(rest, chunks), FRAME + TAG)):
            yield cipher.decrypt(_build_nonce(number, is_last), frame, name.encode())

    def _build_cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(_derive_key(self._key, salt, b"ncfd backup file", 32))


def _derive_key(key: bytes, salt: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, purpose).derive(key)


def _build_nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _prepend_chunk(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _split(chunks: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield pieces of `size` bytes and whether each is the last, which may be shorter."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) > size:
            yield bytes(buffer[:size]), False
            del buffer[:size]
    yield bytes(buffer), True
