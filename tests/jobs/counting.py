"""Kinds of work for tests. The one that counts to a number keeps each step in a file, and goes on from where it was."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.job_types import JobType, register
from ncfd_site.jobs.parts import run_parts

SECRET = "hunter2-of-the-wallet"
MAY = "storage.operate_storageobject"


class WeighingError(Exception):
    """An error with words of its own, which its kind lists."""


def count(arguments: Mapping[str, Any], control: ProgressReporter) -> Mapping[str, Any]:
    """Count to `to`, a line in `file` for each number, with `pause` seconds between them."""
    start = control.checkpoint.get("counted", 0)
    control.begin("counting", arguments["to"], "sheep")
    control.advance(start)
    for number in range(start + 1, arguments["to"] + 1):
        if "file" in arguments:
            with Path(arguments["file"]).open("a") as file:
                file.write(f"{number} {os.getpid()}\n")
        time.sleep(arguments.get("pause", 0))
        control.advance(checkpoint={"counted": number})
    return {"counted": arguments["to"], "by": control.actor, "first": start + 1}


def hold(arguments: Mapping[str, Any], control: ProgressReporter) -> Mapping[str, Any]:
    """Report progress inside a transaction that stays open until `file` exists and is rolled back then."""
    with transaction.atomic():
        sql.execute("UPDATE site_jobs SET unit = 'never seen' WHERE kind = 'guest'")
        control.begin("holding a transaction", 10, "breaths")
        control.advance(7, checkpoint={"breaths": 7})
        while not Path(arguments["file"]).exists():
            time.sleep(0.02)
        transaction.set_rollback(True)
    return {}


def fail(arguments: Mapping[str, Any], control: ProgressReporter) -> Mapping[str, Any]:
    """Fail in the way that the argument names."""
    control.begin("weighing", None, "sheep")
    control.advance(3, checkpoint={"weighed": 3})
    if arguments["how"] == "refusal":
        raise UserError("The sheep are not shorn.")
    if arguments["how"] == "listed":
        raise WeighingError("The scales are broken.")
    if arguments["how"] == "sql":
        sql.value("SELECT %s::integer", [SECRET])
    if arguments["how"] == "cut":
        sql.value("SELECT pg_terminate_backend(pg_backend_pid())")
    raise ValueError(SECRET)


def square_all(arguments: Mapping[str, Any], control: ProgressReporter) -> Mapping[str, Any]:
    """Square the numbers up to `to`, each as a part."""
    parts = [{**arguments, "number": number} for number in range(arguments["to"])]
    control.begin("squaring", len(parts), "sheep")
    squares = [(part["number"], result["square"]) for part, result in run_parts(control, parts)]
    return {"squares": squares, "counted": len(squares)}


def square(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write a line in `file`, wait until the file `go` exists, and return the square."""
    with Path(part["file"]).open("a") as file:
        file.write(f"{part['number']} {os.getpid()}\n")
    while not Path(part["go"]).exists():
        time.sleep(0.02)
    if part["number"] == part.get("fails"):
        raise UserError("This sheep is not square.")
    return {"square": part["number"] ** 2}


def _words(result: Mapping[str, Any]) -> str:
    return f"{result['counted']} sheep were counted." if result else "Nothing was counted."


KINDS = [
    JobType(
        name="test_count",
        title="Count sheep",
        permission=MAY,
        run=count,
        describe=lambda arguments: f"Up to {arguments['to']} of them.",
        conclude=_words,
    ),
    JobType(
        name="test_shear",
        title="Shear sheep",
        permission=MAY,
        run=count,
        describe=lambda arguments: "All of them.",
        conclude=_words,
        exclusive=True,
    ),
    JobType(
        name="test_hold",
        title="Hold a breath",
        permission=MAY,
        run=hold,
        describe=lambda arguments: "",
        conclude=_words,
    ),
    JobType(
        name="test_square",
        title="Square sheep",
        permission=MAY,
        run=square_all,
        describe=lambda arguments: "",
        conclude=_words,
        run_part=square,
    ),
    JobType(
        name="test_fail",
        title="Weigh sheep",
        permission=MAY,
        run=fail,
        describe=lambda arguments: "On scales.",
        conclude=_words,
        errors=(WeighingError,),
    ),
]


def register_all() -> None:
    """Make the kinds known."""
    for kind in KINDS:
        register(kind)
