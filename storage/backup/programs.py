"""PostgreSQL's programs of a server's major version, and the address that they connect to."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from psycopg.conninfo import make_conninfo

from ncfd_site.config.errors import DatabaseUnavailable, ExitCode
from ncfd_site.postgres.embedded import programs as embedded
from storage.backup.errors import BackupError
from storage.content.base import CHUNK


def find_programs(major: int, *names: str) -> Path:
    """Return a folder that has the programs in this version; raises `BackupError` that names the package."""
    folders = [Path(f"/usr/lib/postgresql/{major}/bin"), Path(f"/usr/pgsql-{major}/bin")]
    if on_path := shutil.which(names[0]):
        folders.insert(0, Path(on_path).resolve().parent)
    if major == embedded.VERSION:
        try:
            folders.append(embedded.find_folder())
        except DatabaseUnavailable:
            pass
    for folder in folders:
        if all((folder / name).is_file() for name in names) and _read_major(folder / names[0]) == major:
            return folder
    package = f"postgresql-client-{major}" if names[0].startswith("pg_dump") else f"postgresql-{major}"
    raise BackupError(
        f"The server runs PostgreSQL {major}, and this machine has no {' and '.join(names)} of that version. Install "
        f"the package {package}, or put the programs on PATH."
    )


def stream_output(program: Path, *arguments: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
    """Run a program on a database and yield its output; raises `BackupError` if it fails."""
    with tempfile.TemporaryFile() as errors:
        process = _start_program(program, arguments, parameters, stdout=subprocess.PIPE, stderr=errors)
        try:
            while chunk := cast(IO[bytes], process.stdout).read(CHUNK):
                yield chunk
        except BaseException:
            process.kill()
            raise
        finally:
            process.communicate()
        _require_success(process, program, errors)


def feed_input(program: Path, *arguments: str, parameters: Mapping[str, Any], chunks: Iterable[bytes]) -> None:
    """Run a program on a database with this input; raises `BackupError` if it fails."""
    with tempfile.TemporaryFile() as errors:
        process = _start_program(program, arguments, parameters, stdin=subprocess.PIPE, stderr=errors)
        try:
            for chunk in chunks:
                cast(IO[bytes], process.stdin).write(chunk)
        except BrokenPipeError:
            pass  # the program reports why
        except BaseException:
            process.kill()
            raise
        finally:
            process.communicate()
        _require_success(process, program, errors)


def _start_program(
    program: Path, arguments: Sequence[str], parameters: Mapping[str, Any], **streams: Any
) -> subprocess.Popen[bytes]:
    # Other users see the arguments of a process.
    address = make_conninfo(**{name: value for name, value in parameters.items() if name != "password"})
    password = {"PGPASSWORD": str(parameters["password"])} if parameters.get("password") else {}
    return subprocess.Popen(
        [program, *arguments, f"--dbname={address}"],
        env={**os.environ, **password, "LC_ALL": "C.UTF-8"},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams},
    )


def _require_success(process: subprocess.Popen[bytes], program: Path, errors: IO[bytes]) -> None:
    if process.returncode:
        errors.seek(0)
        lines = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no output")
        raise BackupError(f"{program.name} failed: {reason.strip().rstrip('.')}.", ExitCode.FAILED)


def _read_major(program: Path) -> int:
    result = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\b(\d+)(?:\.|beta|rc|devel|\b)", result.stdout.partition(")")[2])
    return int(match[1]) if match else 0
