"""The commands of docs/deploy.md and docs/revisions.md run as written; `.ci/run` runs those of make."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management.base import BaseCommand as DjangoCommand

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from ncfd_site.schema.management.commands.migrate_alembic import Command
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, environment, query
from tests.migration.test_contract import CONTRACT_HEAD, PROJECT

DEPLOY = (PROJECT / "docs" / "deploy.md").read_text()
REVISIONS = (PROJECT / "docs" / "revisions.md").read_text()


def list_commands(section: str) -> list[str]:
    """Return the lines of the code blocks without a language, without comments."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines]


def section(page: str, title: str) -> str:
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def split(command: str) -> list[str]:
    """Return the arguments of a command, with the programs of this environment."""
    return shlex.split(command.replace(".venv/bin/", f"{Path(sys.executable).parent}/"))


def execute(command: str, variables: dict[str, str], folder: Path = PROJECT) -> str:
    done = subprocess.run(split(command), cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_the_steps_of_a_deployment(empty_database: Keywords, tmp_path: Path, port: int) -> None:
    *steps, serve = list_commands(section(DEPLOY, "Deployment steps"))
    variables = {
        **environment(empty_database),
        "STATIC_ROOT": str(tmp_path),
        "HTTPS": "off",
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
    }
    printed = [execute(step, variables) for step in steps]
    assert (len(printed), serve) == (4, ".venv/bin/gunicorn ncfd_site.wsgi")
    assert printed[0].startswith("Plan:\n  apply 20250121_")
    assert "\nVerified: 1,0" in printed[2]
    assert (tmp_path / "ncfd").is_dir()
    with subprocess.Popen(split(serve), cwd=PROJECT, env=variables, stderr=subprocess.PIPE) as server:
        deadline = time.monotonic() + 60
        try:
            while time.monotonic() < deadline:
                try:
                    with urllib.request.urlopen(f"http://localhost:{port}/readyz") as answer:
                        assert answer.status == 200
                    break
                except urllib.error.URLError:
                    time.sleep(0.2)
            else:
                pytest.fail("the server does not answer")
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)
        assert server.returncode == 0


def test_the_adoption_of_a_database_of_the_pipelines(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    states.execute(empty_database, "UPDATE alembic_version SET version_num = 'ea45863147eb'")
    plan, adopt = list_commands(section(DEPLOY, "States of a database"))
    assert plan == f"{adopt} --plan"
    assert "The schema is at 20250124_add_resolver_system_and_company_securities." in execute(
        plan, environment(empty_database)
    )
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [("ea45863147eb",)]
    assert "\nVerified: 1,0" in execute(adopt, environment(empty_database))
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(revisions.head(),)]


def test_every_option_and_exit_code_is_in_the_tables() -> None:
    parser = Command().create_parser("manage.py", "migrate_alembic")
    django = DjangoCommand().create_parser("manage.py", "")
    ours, theirs = (
        {name for name in each._option_string_actions if name.startswith("--")} for each in (parser, django)
    )
    documented = set(re.findall(r"--[a-z][a-z-]+", section(DEPLOY, "What a run does")))
    assert documented == ours - theirs - {"--no-input"}
    codes = re.findall(r"^\| (\d+) \|", section(DEPLOY, "Exit codes"), re.MULTILINE)
    stops = {ExitCode.STOPPED, ExitCode.NO_READER}
    assert [int(code) for code in codes] == [int(code) for code in ExitCode if code not in stops]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project without its tests."""
    names = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if not name.startswith("tests/") and (PROJECT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def test_the_commands_that_write_a_revision(empty_database: Keywords, project: Path) -> None:
    variables = {**environment(empty_database), "PATH": os.environ["PATH"]}
    create, *check = list_commands(REVISIONS)
    execute(create, variables, project)
    revision = f"{datetime.now(UTC):%Y%m%d}_add_curator_notes"
    for direction, content in re.findall(r"\.(up|down)\.sql`:\n\n```sql\n(.*?)```", REVISIONS, re.DOTALL):
        (project / "ncfd_site" / "schema" / "versions" / f"{revision}.{direction}.sql").write_text(content)
    databases.become(empty_database, revisions.head())
    *commands, docs = [command for command in check if not command.startswith("make ")]
    printed = [execute(command, variables, project) for command in commands]
    assert (len(printed), check[-2:]) == (3, ["make lint", "make test"])
    lacking = subprocess.run(split(docs), cwd=project, env=variables, capture_output=True, text=True, check=False)
    assert lacking.stderr == "CommandError: The model signals.Trial has no field for curator_note of trials. Add it.\n"
    field = re.findall(r"`signals/models/trials.py`, class `Trial`:\n\n```python\n(.*?)```", REVISIONS, re.DOTALL)
    models = project / "signals" / "models" / "trials.py"
    models.write_text(models.read_text().replace('record."""\n', f'record."""\n\n{field[0]}', 1))
    execute(docs, variables, project)
    assert '"trials.curator_note"' in (project / "ncfd_site" / "schema" / "expected.json").read_text()
    assert f"  apply {revision}: Add curator notes." in printed[1]
    assert "\nVerified: 1,0" in printed[2]
    assert "| `curator_note` | text | yes |  | Note of the curator. |" in (project / "docs" / "schema.md").read_text()
    assert call(empty_database, "--check")[0] == ExitCode.REFUSED
