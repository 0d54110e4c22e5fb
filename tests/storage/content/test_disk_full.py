"""Full disks: only the content that does not fit is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from storage.content.base import CHUNK

FILL_DISK = [sys.executable, "-m", "tests.storage.content.fill_disk"]


def run_fill_disk(command: list[str]) -> dict[str, Any]:
    process = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def check(result: dict[str, Any], reason: str) -> None:
    local = f"The local content store is unavailable: {reason}. Free space in the folder CONTENT_ROOT."
    assert result["errors"] == {
        "whole": ["StoreFullError", local],
        "streamed": ["StoreFullError", local],
        "many": ["StoreFullError", local],
        "spooled": ["StoreFullError", f"The folder for temporary files cannot hold the content: {reason}."],
    }
    assert result["files"] == result["kept"]
    assert result["readable"]
    assert result["recovered"]


def test_full_disk_is_reported_and_leaves_no_partial_object(tmp_path: Path) -> None:
    # The mount is private to the process and ends with it.
    private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--"]
    on_small_disk = [*private, "sh", "-c", f'mount -t tmpfs -o size=4m tmpfs "{tmp_path}" && exec "$@"', "sh"]
    trial = subprocess.run([*on_small_disk, "true"], capture_output=True, text=True, check=False)
    if trial.returncode and not os.environ.get("CI"):
        pytest.skip(f"Cannot mount a small disk: {trial.stderr.strip()}; the file size limit is tested instead.")
    check(run_fill_disk([*on_small_disk, *FILL_DISK, str(tmp_path)]), "No space left on device")


def test_file_size_limit_is_reported_and_leaves_no_partial_object(tmp_path: Path) -> None:
    check(run_fill_disk([*FILL_DISK, str(tmp_path), str(CHUNK)]), "File too large")
