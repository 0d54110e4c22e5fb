"""A check that was stopped, by Ctrl-C or by force, goes on and tells the same as one run."""

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
from storage.verification import (
    Finding,
    Summary,
    VerifyOptions,
    passes,
    verify,
)
from storage.verification import content as content_checks
from storage.verification import orphans as orphan_checks
from tests.storage.verification.prepared import everything_wrong, right_content
from tests.storage.verification.site import (
    Site,
    as_after_a_restore,
    command,
    keep,
)

# Rows in a page, so that there are many pages to be stopped behind.
PAGE = 3
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def damaged_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Much that is wrong, and pages so small that a run has many."""
    for module, name in (
        (passes, "PAGE"),
        (content_checks, "ASKED"),
        (content_checks, "READ"),
        (orphan_checks, "LISTED"),
    ):
        monkeypatch.setattr(module, name, PAGE)
    with transaction.atomic():
        right_content()
        everything_wrong(site)
        contents = [keep(b"number %d" % number, ("local", "s3")[number % 2]) for number in range(40)]
        with as_after_a_restore():
            sql.execute("UPDATE storage_objects SET refcount = 3 WHERE object_id %% 4 = 0")
    for content in contents[::3]:
        site.remove(content)
    for content in contents[1::6]:
        site.overwrite(content, b"other")
    return site


class StoppedAfter(NullReporter):
    """Asks for the end after so many pages."""

    def __init__(self, pages: int, checkpoint: Mapping[str, Any]) -> None:
        super().__init__("olga", checkpoint)
        self._left = pages

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        super().advance(count, checkpoint=checkpoint)
        self._left -= 1
        if self._left <= 0:
            raise Canceled


def without_times(summary: Summary) -> dict[str, Any]:
    return {**summary.as_json(), "started_at": None, "ended_at": None}


def test_a_run_that_is_stopped_at_every_page_tells_what_one_run_tells(damaged_site: Site) -> None:
    whole: list[Finding] = []
    expected = verify(VerifyOptions(), NullReporter("olga"), whole.append)
    assert len(whole) > 40
    found: list[Finding] = []
    checkpoint: Mapping[str, Any] = {}
    for _ in range(1000):
        # As a job keeps it.
        control = StoppedAfter(2, json.loads(json.dumps(checkpoint)))
        try:
            summary = verify(VerifyOptions(), control, found.append)
            break
        except Canceled:
            checkpoint = control.checkpoint
    assert [one.sentence for one in found] == [one.sentence for one in whole]
    assert without_times(summary) == without_times(expected)


def whole_run() -> list[str]:
    lines = command("storage_verify", "--json").lines
    assert len(lines) > 40
    return lines


def told(lines: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The findings, and the numbers of the summary."""
    *findings, summary = lines
    return findings, {**json.loads(summary)["summary"], "started_at": None, "ended_at": None}


@pytest.mark.parametrize("checkpoints", [1, 25])
def test_a_run_that_is_killed_goes_on_with_the_same_command(
    damaged_site: Site, tmp_path: Path, checkpoints: int
) -> None:
    expected = told(whole_run())
    state = tmp_path / "state"
    kill_one_that_began(state, checkpoints)
    # The last line may have been cut off.
    with state.open("ab") as file:
        file.write(b'{"finding": {"kind": "cou')
    ended = command("storage_verify", "--json", "--state", state)
    assert ended.code == 3
    assert told(ended.lines) == expected
    assert not state.exists()


def test_ctrl_c_says_how_to_go_on(damaged_site: Site, tmp_path: Path) -> None:
    expected = told(whole_run())
    state = tmp_path / "state"
    with begin_elsewhere("--json", "--state", str(state)) as process:
        wait_for(state, 5, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.decode().endswith("Stopped. The same command goes on from there.\n")
    assert told(command("storage_verify", "--json", "--state", state).lines) == expected


def test_a_connection_that_is_cut_keeps_what_was_found(damaged_site: Site, tmp_path: Path) -> None:
    expected = told(whole_run())
    state = tmp_path / "state"
    with begin_elsewhere("--json", "--state", str(state)) as process:
        wait_for(state, 8, process)
        sql.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 6
    assert "The database stopped the command" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert told(command("storage_verify", "--json", "--state", state).lines) == expected


def test_a_state_of_other_arguments_is_refused(damaged_site: Site, tmp_path: Path) -> None:
    state = tmp_path / "state"
    kill_one_that_began(state, 3)
    kept = state.read_bytes()
    ended = command("storage_verify", "--json", "--state", state, "--only", "counts")
    assert ended.code == 2
    assert ended.said == (
        f"{state} is the state of a run with other arguments (options): repeat the command that began it, or remove "
        "the file to begin anew."
    )
    assert state.read_bytes() == kept


@pytest.mark.parametrize("text", ["somebody's notes\n", "somebody's notes", "{}\n", "[1]\n"])
def test_a_file_of_somebody_else_is_left_alone(site: Site, tmp_path: Path, text: str) -> None:
    notes = tmp_path / "notes"
    notes.write_text(text)
    ended = command("storage_verify", "--state", notes)
    assert ended.code == 2
    assert "is no state of storage_verify" in ended.said
    assert notes.read_text() == text


def test_a_state_that_cannot_be_written_is_a_sentence(site: Site, tmp_path: Path) -> None:
    ended = command("storage_verify", "--state", tmp_path / "nowhere" / "state")
    assert ended.code == 7
    assert ended.said.startswith("The file of --state cannot be used: ")


def begin_elsewhere(*arguments: str) -> subprocess.Popen[bytes]:
    """Check in a process of its own, with a pause behind each page."""
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
from storage.verification import content, orphans, passes, state
passes.PAGE = content.ASKED = content.READ = orphans.LISTED = {PAGE}
advance = state.StateFile.advance
def slowly(self, *given, **named):
    advance(self, *given, **named)
    time.sleep(0.02)
state.StateFile.advance = slowly
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


def kill_one_that_began(state: Path, checkpoints: int) -> None:
    with begin_elsewhere("--json", "--state", str(state)) as process:
        wait_for(state, checkpoints, process)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL


def wait_for(state: Path, checkpoints: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not state.exists() or state.read_bytes().count(b'{"checkpoint"') < checkpoints:
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline, "the check does not come forward"
        time.sleep(0.005)
