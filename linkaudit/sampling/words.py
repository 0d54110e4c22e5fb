"""Samples told to people."""

from linkaudit.models import ReviewSample
from linkaudit.sampling.options import Purpose, SampleOptions


def options_in_words(options: SampleOptions) -> str:
    """What is to be drawn."""
    which = "promoted links" if options.purpose == Purpose.PROMOTED else "links"
    return f"{options.size:,} {which} of {options.heuristic}, {options.second_share:.1%} of them with a second opinion"


def drawn_in_words(sample: ReviewSample) -> str:
    """What was drawn."""
    which = "promoted link" if sample.purpose == Purpose.PROMOTED else "link"
    seconds = sample.slots.filter(opinion=2).count()
    links = which if sample.population == 1 else f"{which}s"
    return (
        f"Sample {sample.pk}: {sample.size:,} of {sample.population:,} {links} of {sample.heuristic}, "
        f"{seconds:,} of them with a second opinion; seed {sample.seed}."
    )
