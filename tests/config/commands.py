"""Commands of the site as a person runs them: in a process of their own, with an environment of their own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STRONG_KEY = "kZ3vQ9xT7mW2sL5nB8rJ4hF6dG1cV0pYuEiOaXqRwTzMbNvLkJ"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    output: str
    errors: str

    def refusal(self) -> str:
        """What it said on stderr, having made sure that this is one sentence and that it failed."""
        assert self.code in (2, 5, 9), self
        assert self.errors.count("\n") == 1, self.errors
        assert self.errors.endswith(".\n"), self.errors
        assert "Traceback" not in self.errors
        return self.errors.strip()


def environment(home: Path, **variables: str) -> dict[str, str]:
    """The variables that every process needs, and those given; nothing that this shell happens to have set."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NCFD_HOME": str(home),
        "PYTHONWARNINGS": "error",
        **variables,
    }


def production(url: str, **variables: str) -> dict[str, str]:
    """The variables of a production that lacks nothing."""
    return {"DATABASE_URL": url, "SECRET_KEY": STRONG_KEY, "ALLOWED_HOSTS": "ncfd.example.org", **variables}


def manage(home: Path, *arguments: str, **variables: str) -> Result:
    """Run `manage.py` to its end."""
    return run(home, "manage.py", *arguments, **variables)


def run(home: Path, *arguments: str, **variables: str) -> Result:
    """Run Python to its end."""
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
