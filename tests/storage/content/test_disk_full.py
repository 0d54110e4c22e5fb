"""A disk that fills up costs the content that did not fit, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from storage.content import CHUNK

FILLING = [sys.executable, "-m", "tests.storage.content.filling"]


def filled(command: list[str]) -> dict[str, Any]:
    ended = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


def check(result: dict[str, Any], reason: str) -> None:
    local = f"The local content store cannot be used: {reason}; make room in the folder CONTENT_ROOT."
    assert result["told"] == {
        "whole": ["ContentFull", local],
        "streamed": ["ContentFull", local],
        "many": ["ContentFull", local],
        "spooled": ["ContentFull", f"The folder for temporary files does not take the content: {reason}."],
    }
    assert result["files"] == result["kept"]
    assert result["readable"]
    assert result["recovered"]


def test_a_full_disk_is_told_and_keeps_no_part(tmp_path: Path) -> None:
    # A mount that only this process sees, and that is gone with it.
    apart = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--"]
    on_small_disk = [*apart, "sh", "-c", f'mount -t tmpfs -o size=4m tmpfs "{tmp_path}" && exec "$@"', "sh"]
    tried = subprocess.run([*on_small_disk, "true"], capture_output=True, text=True, check=False)
    if tried.returncode and not os.environ.get("CI"):
        pytest.skip(f"This system mounts no small disk: {tried.stderr.strip()}; the limit on files is tested instead.")
    check(filled([*on_small_disk, *FILLING, str(tmp_path)]), "No space left on device")


def test_a_limit_on_files_is_told_and_keeps_no_part(tmp_path: Path) -> None:
    check(filled([*FILLING, str(tmp_path), str(CHUNK)]), "File too large")
