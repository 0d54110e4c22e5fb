"""A stopped or killed verification resumes and reports the same as an uninterrupted one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import Canceled, NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.jobs import queue
from storage.verification import (
    Check,
    Finding,
    Summary,
    VerifyOptions,
    passes,
    verify,
)
from storage.verification import objects as object_checks
from storage.verification import orphans as orphan_checks
from tests.factories import make_user
from tests.jobs.conftest import wait_for as wait_for_job
from tests.jobs.conftest import working
from tests.storage.verification.scenarios import create_all_errors, create_valid_objects
from tests.storage.verification.site import (
    Site,
    run_command,
    store_object,
    triggers_disabled,
)

# Rows per page, so that a run has many pages.
PAGE = 3
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def faulty_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Site with many errors and small pages."""
    monkeypatch.setattr(passes, "PAGE", PAGE)
    monkeypatch.setattr(object_checks, "PAGE_SIZES", dict.fromkeys(Check, PAGE))
    monkeypatch.setattr(orphan_checks, "PAGE", PAGE)
    with transaction.atomic():
        create_valid_objects()
        create_all_errors(site)
        rows = [store_object(b"number %d" % number, ("local", "s3")[number % 2]) for number in range(40)]
        with triggers_disabled():
            sql.execute("UPDATE storage_objects SET refcount = 3 WHERE object_id %% 4 = 0")
    for row in rows[::3]:
        site.remove(row)
    for row in rows[1::6]:
        site.overwrite(row, b"other")
    return site


class CancelingReporter(NullReporter):
    """Cancels after a number of pages."""

    def __init__(self, pages: int, checkpoint: Mapping[str, Any]) -> None:
        super().__init__("olga", checkpoint)
        self._left = pages

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        super().advance(count, checkpoint=checkpoint)
        self._left -= 1
        if self._left <= 0:
            raise Canceled


def without_times(summary: Summary) -> dict[str, Any]:
    return {**summary.as_json(), "started_at": None, "finished_at": None}


def test_run_stopped_at_every_page_reports_the_same(faulty_site: Site) -> None:
    uninterrupted: list[Finding] = []
    expected = verify(VerifyOptions(), NullReporter("olga"), uninterrupted.append)
    assert len(uninterrupted) > 40
    found: list[Finding] = []
    checkpoint: Mapping[str, Any] = {}
    for _ in range(1000):
        # As a job stores it.
        reporter = CancelingReporter(2, json.loads(json.dumps(checkpoint)))
        try:
            summary = verify(VerifyOptions(), reporter, found.append)
            break
        except Canceled:
            checkpoint = reporter.checkpoint
    assert [one.message for one in found] == [one.message for one in uninterrupted]
    assert without_times(summary) == without_times(expected)


def run_uninterrupted() -> list[str]:
    lines = run_command("storage_verify", "--json").lines
    assert len(lines) > 40
    return lines


def parse_output(lines: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Return the findings, and the summary without times."""
    *findings, summary = lines
    return findings, {**json.loads(summary)["summary"], "started_at": None, "finished_at": None}


@pytest.mark.parametrize("checkpoints", [1, 25])
def test_killed_run_resumes_with_the_same_command(faulty_site: Site, tmp_path: Path, checkpoints: int) -> None:
    expected = parse_output(run_uninterrupted())
    state = tmp_path / "state"
    kill_run(state, checkpoints)
    # The last line may be incomplete.
    with state.open("ab") as file:
        file.write(b'{"finding": {"kind": "cou')
    result = run_command("storage_verify", "--json", "--state", state)
    assert result.code == 3
    assert parse_output(result.lines) == expected
    assert not state.exists()


def test_ctrl_c_prints_how_to_resume(faulty_site: Site, tmp_path: Path) -> None:
    expected = parse_output(run_uninterrupted())
    state = tmp_path / "state"
    with start_process("--json", "--state", str(state)) as process:
        wait_for(state, 5, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.decode().endswith("Stopped. Run the same command again to resume.\n")
    assert parse_output(run_command("storage_verify", "--json", "--state", state).lines) == expected


def test_lost_connection_keeps_findings(faulty_site: Site, tmp_path: Path) -> None:
    expected = parse_output(run_uninterrupted())
    state = tmp_path / "state"
    with start_process("--json", "--state", str(state)) as process:
        wait_for(state, 8, process)
        sql.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 6
    assert "The database stopped the command" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert parse_output(run_command("storage_verify", "--json", "--state", state).lines) == expected


def test_state_of_other_arguments_is_rejected(faulty_site: Site, tmp_path: Path) -> None:
    state = tmp_path / "state"
    kill_run(state, 3)
    kept = state.read_bytes()
    result = run_command("storage_verify", "--json", "--state", state, "--only", "counts")
    assert result.code == 2
    assert result.error == (
        f"{state} is from a run with other arguments (options). Repeat the original command, or delete the file to "
        "start over."
    )
    assert state.read_bytes() == kept


@pytest.mark.parametrize("text", ["my notes\n", "my notes", "{}\n", "[1]\n"])
def test_other_file_is_not_overwritten(site: Site, tmp_path: Path, text: str) -> None:
    notes = tmp_path / "notes"
    notes.write_text(text)
    result = run_command("storage_verify", "--state", notes)
    assert result.code == 2
    assert "is not a state file of storage_verify" in result.error
    assert notes.read_text() == text


def test_unwritable_state_file_is_reported(site: Site, tmp_path: Path) -> None:
    result = run_command("storage_verify", "--state", tmp_path / "nowhere" / "state")
    assert result.code == 7
    assert result.error.startswith("Cannot use the file of --state: ")


def start_process(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a verification in a child process that pauses after each page."""
    names = ("CONTENT_ROOT", "CONTENT_S3_BUCKET", "CONTENT_S3_PREFIX", "CONTENT_S3_ENDPOINT", "CONTENT_S3_REGION")
    given = {name: str(getattr(settings, name)) for name in names}
    begin = f"""
import sys, time, django; django.setup()
from pathlib import Path
from django.conf import settings
from django.db import connections
for name, value in {given!r}.items():
    setattr(settings, name, Path(value) if name == "CONTENT_ROOT" else value)
connections["default"].settings_dict["NAME"] = {connections["default"].settings_dict["NAME"]!r}
from storage.verification import Check, findings_io, objects, orphans, passes
passes.PAGE = orphans.PAGE = {PAGE}
objects.PAGE_SIZES = dict.fromkeys(Check, {PAGE})
advance = findings_io.StateFile.advance
def advance_slowly(self, *args, **kwargs):
    advance(self, *args, **kwargs)
    time.sleep(0.02)
findings_io.StateFile.advance = advance_slowly
sys.argv = ["manage.py", "storage_verify", *sys.argv[1:]]
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ncfd_site.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", begin, *arguments],
        env=environment,
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_run(state: Path, checkpoints: int) -> None:
    with start_process("--json", "--state", str(state)) as process:
        wait_for(state, checkpoints, process)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL


def wait_for(state: Path, checkpoints: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not state.exists() or state.read_bytes().count(b'{"checkpoint"') < checkpoints:
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline, "the verification makes no progress"
        time.sleep(0.005)


def test_a_job_in_parts_finds_the_same(faulty_site: Site) -> None:
    findings: list[Finding] = []
    expected = verify(VerifyOptions(), NullReporter(), findings.append).as_json()
    arguments = {"only": [check.value for check in Check], "sample": 100}
    job = queue.start("storage_verify", arguments, actor=make_user(Role.OPERATOR))
    with working(concurrency=2):
        job = wait_for_job(job, lambda job: job.finished_at is not None)
    result = job.result or {}
    assert result["findings"] == [finding.as_json() for finding in findings]
    times = dict.fromkeys(("started_at", "finished_at"))
    assert {**result["summary"], **times} == {**expected, **times}
