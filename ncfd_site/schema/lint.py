"""The linter squawk on the SQL of revisions after the contract's: `python -m ncfd_site.schema.lint`.

`squawk.toml` names the rules and the statements that are excepted, each with its reason.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from ncfd_site.schema import source
from ncfd_site.schema.deploy import compare, revisions

EXCEPTIONS = revisions.SCHEMA_FOLDER / "squawk.toml"


def find_violations() -> Iterator[str]:
    """Yield what squawk rejects, and the exceptions that nothing needs any more."""
    exceptions = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    unneeded = {(rule, revision) for rule, reasons in exceptions["revisions"].items() for revision in reasons}
    with tempfile.TemporaryDirectory() as folder:
        files = [_write_sql(Path(folder), revision) for _, revision in _list_linted_revisions()]
        for found in _run_squawk(files, exceptions["rules"]):
            key = found["rule_name"], Path(found["file"]).stem
            unneeded.discard(key)
            if key[1] not in exceptions["revisions"].get(key[0], {}):
                yield f"{key[1]}.up.sql: {key[0]}: {found['message']}"
    yield from (f"squawk.toml: {revision} no longer needs its exception from {rule}" for rule, revision in unneeded)


def _list_linted_revisions() -> list[tuple[str, revisions.Revision]]:
    return revisions.steps_between(compare.REPLACING_REVISION, revisions.head())


def _write_sql(folder: Path, revision: revisions.Revision) -> Path:
    """Write the SQL of an upgrade with its included files; online statements run outside the transaction."""
    statements = list(source.split_statements(source.read_sql(revision.path, "up")))
    ordered = sorted(statements, key=source.is_online)
    online = sum(map(source.is_online, statements))
    inside, outside = ordered[: len(ordered) - online], ordered[len(ordered) - online :]
    path = folder / f"{revision.id}.sql"
    path.write_text("".join(f"{each};\n" for each in ["BEGIN", *inside, "COMMIT", *outside]), encoding="utf-8")
    return path


def _run_squawk(files: list[Path], excluded: dict[str, str]) -> list[dict[str, str]]:
    program = Path(sysconfig.get_path("scripts")) / "squawk"
    result = subprocess.run(
        [program, "--reporter", "json", "--pg-version", "14", *(f"--exclude={rule}" for rule in excluded), *files],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in (0, 1):
        raise SystemExit(f"squawk failed: {result.stderr.strip()}")
    found: list[dict[str, str]] = json.loads(result.stdout or "[]")
    return found


if __name__ == "__main__":
    violations = sorted(set(find_violations()))
    sys.stderr.write("".join(f"{violation}\n" for violation in violations))
    sys.exit(bool(violations))
