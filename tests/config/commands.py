"""Commands of the site in processes with their own environment."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STRONG_KEY = "kZ3vQ9xT7mW2sL5nB8rJ4hF6dG1cV0pYuEiOaXqRwTzMbNvLkJ"


@dataclass(frozen=True)
class Result:
    """Exit code and output of a command."""

    code: int
    output: str
    errors: str

    def error(self) -> str:
        """Return the one line of the command's error."""
        assert self.code in (2, 5, 9), self
        assert self.errors.count("\n") == 1, self.errors
        assert self.errors.endswith(".\n"), self.errors
        assert "Traceback" not in self.errors
        return self.errors.strip()


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the variables that every process needs, and those given."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NCFD_HOME": str(home),
        "PYTHONWARNINGS": "error",
        **variables,
    }


def production(url: str, **variables: str) -> dict[str, str]:
    """Return the variables of a complete production environment."""
    return {"DATABASE_URL": url, "SECRET_KEY": STRONG_KEY, "ALLOWED_HOSTS": "ncfd.example.org", **variables}


def manage(home: Path, *arguments: str, **variables: str) -> Result:
    """Run `manage.py`."""
    return run(home, "manage.py", *arguments, **variables)


def run(home: Path, *arguments: str, **variables: str) -> Result:
    """Run Python."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
