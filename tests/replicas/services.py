"""Processes of a trial that are killed at random and started again, as a supervisor does."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from tests.config.commands import ROOT
from tests.postgres import Server

# Seconds until a killed process is started again.
LONGEST_PAUSE = 3.0


class Service(Protocol):
    """A process that can be killed and started again."""

    name: str

    def start(self) -> None:
        """Start it."""

    def kill(self, rng: random.Random) -> bool:
        """Kill it, or all of its processes; return False if it does not run."""


@dataclass
class ProcessService:
    """A process in a session of its own, whose output goes to a file."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    identity: Mapping[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=dict(self.environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self.identity,
            )

    def kill(self, rng: random.Random) -> bool:
        """Kill the main process, and those that it started in half of the cases."""
        process = self.process
        if process is None or process.poll() is not None:
            return False
        if rng.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        return True

    def stop(self) -> None:
        """End it, and what its main process left."""
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class StandbyService:
    """A standby server."""

    name: str
    server: Server

    def start(self) -> None:
        """Start it once its processes are gone."""
        self.server.start()

    def kill(self, rng: random.Random) -> bool:
        """Kill its main process, and all others in half of the cases; they end without it."""
        main = psutil.Process(int((self.server.data / "postmaster.pid").read_text().partition("\n")[0]))
        others = main.children(recursive=True)
        for process in [main, *(others if rng.random() < 0.5 else [])]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs([main, *others], timeout=60)
        return True


@dataclass
class Command:
    """A command that runs again and again in a thread until the trial ends, and is killed like a service."""

    name: str
    arguments: Callable[[int], tuple[str, ...]]
    environment: Mapping[str, str]
    log: Path
    # Exit codes; -9 for a kill.
    codes: list[int] = field(default_factory=list)
    service: ProcessService | None = None

    def start(self) -> None:
        """Do nothing: the thread starts it again."""

    def kill(self, rng: random.Random) -> bool:
        """Kill it while it runs."""
        return self.service is not None and self.service.kill(rng)

    def run(self, finished: threading.Event) -> None:
        """Run it until the trial ends."""
        done = 0
        while not finished.is_set():
            command = (sys.executable, "manage.py", *self.arguments(done))
            self.service = ProcessService(self.name, command, self.environment, self.log)
            self.service.start()
            assert self.service.process is not None
            self.codes.append(self.service.process.wait())
            done += self.codes[-1] == 0
            finished.wait(1)


def kill_and_restart(services: list[Service], kills: Mapping[str, int], rng: random.Random) -> str:
    """Kill one of the services that were killed least, start it again after a moment, and return its name."""
    while True:
        service = min(services, key=lambda one: (kills.get(one.name, 0), rng.random()))
        if service.kill(rng):
            time.sleep(rng.uniform(0, LONGEST_PAUSE))
            service.start()
            return service.name
        time.sleep(0.1)
