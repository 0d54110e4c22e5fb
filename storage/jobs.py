"""Long work on content as jobs: what operators start on the page of content."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.job_types import JobType, register
from storage.cleaning import CleaningOptions, clean
from storage.content import ContentError
from storage.outcomes import cleaned_in_words, moved_in_words
from storage.overview import CHECK, CLEAN, MOVE
from storage.tiers import MoveOptions, move
from storage.verification import Finding, VerifyOptions, verify
from storage.verification.report import verdict
from storage.work import OPERATE

# Findings, or failed contents, that the result of a job names; the commands name all of them.
MOST_NAMED = 200

Json = Mapping[str, Any]


class _Keeping:
    """A control that keeps what was found with each checkpoint, for a run that is taken up again."""

    def __init__(self, control: ProgressReporter) -> None:
        self._control = control
        self.actor = control.actor
        self.checkpoint: Mapping[str, Any] = control.checkpoint.get("run", {})
        self.findings: list[dict[str, Any]] = list(control.checkpoint.get("findings", []))

    def tell(self, finding: Finding) -> None:
        if len(self.findings) < MOST_NAMED:
            self.findings.append(finding.as_json())

    def begin(self, step: str, total: int | None, unit: str) -> None:
        self._control.begin(step, total, unit)

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        kept = None if checkpoint is None else {"run": checkpoint, "findings": list(self.findings)}
        self._control.advance(count, checkpoint=kept)


def _check(arguments: Json, control: ProgressReporter) -> Json:
    given = {"checks": arguments["only"], "sample": arguments["sample"] / 100}
    keeping = _Keeping(control)
    summary = verify(VerifyOptions.from_json(given), keeping, keeping.tell)
    words = verdict(summary) or "Nothing is wrong."
    return {"words": words, "summary": summary.as_json(), "findings": keeping.findings}


def _clean(arguments: Json, control: ProgressReporter) -> Json:
    options = CleaningOptions(**arguments)
    done = clean(options, control)
    return {"words": cleaned_in_words(done, options.keep_minutes), **asdict(done)}


def _move(arguments: Json, control: ProgressReporter) -> Json:
    options = MoveOptions(**arguments)
    moved = move(options, control)
    named = dict(list(moved.failed.items())[:MOST_NAMED])
    return {"words": moved_in_words(moved, options), **asdict(moved), "failed": named, "not_moved": len(moved.failed)}


def _words(result: Json) -> str:
    return str(result["words"])


def _describe_check(arguments: Json) -> str:
    share = f", {arguments['sample']:g} % of the contents" if arguments["sample"] < 100 else ""
    return f"{', '.join(arguments['only'])}{share}"


def _describe_cleaning(arguments: Json) -> str:
    return (
        f"content unused for {arguments['grace_days']:,} days, bytes kept for {arguments['keep_minutes']:,} minutes, "
        f"at most {arguments['most_percent']:g} % of all content"
    )


def _describe_move(arguments: Json) -> str:
    words = f"to {arguments['to']}"
    if arguments.get("older_than_days") is not None:
        words += f", not used for {arguments['older_than_days']:,} days"
    if arguments.get("larger_than") is not None:
        words += f", larger than {arguments['larger_than']:,} bytes"
    if arguments.get("limit") is not None:
        words += f", at most {arguments['limit']:,} contents"
    return words


register(
    JobType(
        name=CHECK,
        title="Check content",
        permission=OPERATE,
        run=_check,
        describe=_describe_check,
        conclude=_words,
        result_template="storage/jobs/check.html",
        errors=(ContentError,),
    )
)
register(
    JobType(
        name=CLEAN,
        title="Clean content",
        permission=OPERATE,
        run=_clean,
        describe=_describe_cleaning,
        conclude=_words,
        result_template="storage/jobs/cleaning.html",
        exclusive=True,
        errors=(ContentError,),
    )
)
register(
    JobType(
        name=MOVE,
        title="Move content",
        permission=OPERATE,
        run=_move,
        describe=_describe_move,
        conclude=_words,
        result_template="storage/jobs/move.html",
        exclusive=True,
        errors=(ContentError,),
    )
)
