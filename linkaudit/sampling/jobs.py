"""Drawing samples as jobs: what operators start on a heuristic's page."""

from collections.abc import Mapping
from typing import Any

from linkaudit.sampling.options import PROMOTED_SIZE, SampleOptions
from linkaudit.sampling.services import DRAW, DRAW_JOB, SampleRefused, draw, draw_promoted
from linkaudit.sampling.words import drawn_in_words, options_in_words
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.job_types import JobType, register

Json = Mapping[str, Any]


def _draw(arguments: Json, control: ProgressReporter) -> Json:
    control.begin("Drawing", None, "samples")
    sample = draw(SampleOptions.from_json(arguments), drawn_by=control.actor)
    return {"sample_id": sample.pk, "words": drawn_in_words(sample)}


def _draw_promoted(arguments: Json, control: ProgressReporter) -> Json:
    samples = draw_promoted(arguments.get("size", PROMOTED_SIZE), control=control)
    words = " ".join(map(drawn_in_words, samples)) or "No heuristic with promoted links was without a sample this week."
    return {"samples": [sample.pk for sample in samples], "words": words}


def _words(result: Json) -> str:
    return str(result["words"])


DRAW_SAMPLE = register(
    JobType(
        name=DRAW_JOB,
        title="Draw a sample",
        permission=DRAW,
        run=_draw,
        describe=lambda arguments: options_in_words(SampleOptions.from_json(arguments)),
        conclude=_words,
        errors=(SampleRefused,),
    )
)
DRAW_PROMOTED = register(
    JobType(
        name="linkaudit_draw_promoted_samples",
        title="Draw samples of promoted links",
        permission=DRAW,
        run=_draw_promoted,
        describe=lambda arguments: f"{arguments.get('size', PROMOTED_SIZE):,} links of each heuristic",
        conclude=_words,
        exclusive=True,
    )
)
