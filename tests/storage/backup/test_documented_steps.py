"""The steps in docs/operations.md run as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.config.commands import production
from tests.storage.backup.sites import Site


def test_documented_steps_back_up_rehearse_and_restore(site: Site, tmp_path: Path) -> None:
    text = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    (steps,) = re.findall(r"## Backup and restore\n.*?```sh\n(.*?)```", text, re.DOTALL)
    with site.target() as target:
        for written, here in {
            "/srv/backups": site.backups,
            "/srv/restored": str(target.content),
            "postgresql://USER:PASSWORD@HOST/NEW_DATABASE": f"'{target.url}'",
        }.items():
            assert steps.count(written) == 1, written
            steps = steps.replace(written, here)
        steps = steps.replace("manage.py ", "manage ")
        done = subprocess.run(
            ["sh", "-euc", f'manage() {{ "{sys.executable}" manage.py "$@"; }}\n{steps}'],
            cwd=settings.BASE_DIR,
            env={**os.environ, **production(site.url), "CONTENT_ROOT": str(site.content), "TMPDIR": "/tmp"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        assert done.stdout.count("exit code 0") == 8
        assert target.read_rows() == site.read_rows()
        assert target.read_content() == site.read_content()
