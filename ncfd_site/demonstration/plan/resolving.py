"""Sponsors that the registry spells in its own way, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A sponsor that no company's name equals. `candidates` maps companies to the probability of a match.

    `decided_by` is human or llm, or empty where nobody has decided; `mode` is what was made of a language model's
    answer, or empty where none was asked; `queue` is the state of its place in the review queue, or empty.
    """

    candidates: Mapping[str, float]
    chosen: str
    decided_by: str
    mode: str
    queue: str
    reason: str


CASES = {
    "Cockaigne Metabolic": Case(
        {"cockaigne": 0.93, "luggnagg": 0.08}, "cockaigne", "human", "", "resolved", "no exact name"
    ),
    "Jabberwock Antiviral Co": Case({"jabberwock": 0.97, "balnibarbi": 0.05}, "jabberwock", "llm", "accept", "", ""),
    "Laputa Neuroscience": Case(
        {"laputa": 0.91, "flying_island": 0.22}, "", "", "", "pending", "no exact name, two candidates"
    ),
    "Snark Resp. Corp": Case({"snark": 0.78}, "", "", "review", "pending", "abbreviated name"),
    "Gryphon Discovery Ltd": Case({"mock_turtle": 0.31}, "", "", "reject", "skipped", "no likely candidate"),
}
# Patterns that settle a sponsor at once, with the company and the priority.
RULES = [
    (r"^lilliput\b", "lilliput", 200),
    (r"\bflying island\b", "flying_island", 150),
    (r"^elphia care\b", "ruritania", 120),
]
