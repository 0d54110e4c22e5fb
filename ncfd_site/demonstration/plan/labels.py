"""Which claims were reviewed, by whom, when and with which decision; and which of them were promoted.

HP-1 is reviewed often enough and right often enough for the gate, HP-2 is just under it, of HP-3 little is reviewed,
and of HP-4 nothing: each page about heuristics has something to show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from ncfd_site.demonstration.plan.calendar import Calendar

SEED = 1726  # the year of Gulliver's Travels
# How many claims of a heuristic are labelled right, and how many wrong.
REVIEWED = {"HP-1": (84, 2), "HP-2": (52, 4), "HP-3": (8, 1)}
# Labels were given over so many days; what is younger than a few is not reviewed yet.
WEEKS = timedelta(days=35)
YOUNG = timedelta(days=3)
# The share of the right HP-1 claims that were promoted since.
PROMOTED = 0.6
HUMAN, GOLD, OUTSIDE = "human_review", "gold_standard", "external_validation"
REVIEWERS: list[tuple[str, str | None]] = [
    (HUMAN, "rita"),
    (HUMAN, "adam"),
    (HUMAN, "rita"),
    (GOLD, "gold panel"),
    (HUMAN, "adam"),
    (OUTSIDE, None),
    (HUMAN, "rita"),
]
WHY_WRONG = {
    "HP-1": "The number is that of another company's trial.",
    "HP-2": "MX-210 is another company's drug in this record.",
    "HP-3": "The update names the drug, but the trial is of another one.",
}
WHY_RIGHT = {"HP-1": "See the registration line.", "HP-2": "First arm of the record."}
NOTED = 9


@dataclass(frozen=True, slots=True)
class Proposal:
    """A claim as the database has it; `is_true` is what a careful reader would say."""

    audit_id: int
    heuristic: str
    nct_id: str
    asset_id: int
    doc_id: int
    created_at: datetime
    is_true: bool


@dataclass(frozen=True, slots=True)
class Label:
    """What was said of a claim. `promoted_at` is None where it has not become a link."""

    proposal: Proposal
    source: str
    reviewer: str | None
    reviewed_at: datetime
    note: str | None
    promoted_at: datetime | None

    @property
    def status(self) -> str:
        """What has become of the claim."""
        if not self.proposal.is_true:
            return "rejected"
        return "promoted" if self.promoted_at else "pending"


def labels_of(proposals: Sequence[Proposal], calendar: Calendar) -> list[Label]:
    """The labels, by heuristic and time."""
    # The labels are to look like chance and to be the same each time: no secret hangs on it.
    chance = Random(SEED)  # noqa: S311
    return [label for heuristic in REVIEWED for label in _labels(heuristic, proposals, calendar, chance)]


def _labels(heuristic: str, proposals: Sequence[Proposal], calendar: Calendar, chance: Random) -> Iterator[Label]:
    end = calendar.at(-1, 17)
    old = [one for one in proposals if one.heuristic == heuristic and one.created_at < end - YOUNG]
    right, wrong = REVIEWED[heuristic]
    chosen = [
        *chance.sample([one for one in old if one.is_true], right),
        *chance.sample([one for one in old if not one.is_true], wrong),
    ]
    chance.shuffle(chosen)
    for place, one in enumerate(chosen):
        slot = end - WEEKS + WEEKS * (place + 1) / len(chosen)
        # In the hours of work, and never before the claim.
        at = max(slot.replace(hour=8 + place * 5 % 9, minute=place * 17 % 60), one.created_at + timedelta(days=1))
        source, reviewer = REVIEWERS[place % len(REVIEWERS)]
        is_promoted = heuristic == "HP-1" and one.is_true and place < PROMOTED * len(chosen)
        note = (WHY_RIGHT.get(heuristic) if place % NOTED == 0 else None) if one.is_true else WHY_WRONG[heuristic]
        yield Label(one, source, reviewer, at, note, at + timedelta(days=1) if is_promoted else None)
