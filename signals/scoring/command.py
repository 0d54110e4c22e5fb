"""What the commands of this package share: sentences instead of tracebacks, exit codes, a bar on a terminal."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from ncfd_site.config.errors import ConfigurationError
from signals.scoring.run import Busy, RunExists, WrongRun

FAILED, USAGE, DEVIATES, STOPPED, UNREAD = 1, 2, 3, 130, 141
STDOUT = 1

One = TypeVar("One")


class RunCommand(BaseCommand):
    """Exit codes: 0 done; 1 could not be done; 2 usage; 3 what is stored says otherwise; 130 stopped; 141 no reader."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Work, and tell in one sentence what went wrong."""
        try:
            self.work(options)
        except WrongRun as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from None
        except RunExists as exists:
            raise CommandError(str(exists), returncode=DEVIATES) from None
        except (Busy, ConfigurationError) as refusal:
            raise CommandError(str(refusal), returncode=FAILED) from None
        except BrokenPipeError:
            # Whoever read has seen enough (| head). What is left in the buffer has no reader either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
            sys.exit(UNREAD)
        except KeyboardInterrupt:
            raise CommandError("Stopped; nothing was changed.", returncode=STOPPED) from None
        except (DatabaseError, psycopg.Error) as error:
            raise CommandError(_of_database(error), returncode=FAILED) from error

    def work(self, options: dict[str, Any]) -> None:
        """Do it. Each command has its own."""
        raise NotImplementedError


def watched(things: Iterable[One], *, unit: str, total: int | None = None) -> Iterator[One]:
    """Go through things with a bar on a terminal, and without one elsewhere."""
    yield from tqdm(things, unit=unit, total=total, file=sys.stderr, leave=False, dynamic_ncols=True, disable=None)


def step(name: str) -> None:
    """Tell on a terminal what is being done, where there is no counting how far it is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{name} …\n")


def _of_database(error: Exception) -> str:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "does not exist" in said:
        return f"The database is not what the command expects ({said}): run manage.py migrate_alembic."
    return f"The database stopped it ({said}); nothing was changed, run the command again."
