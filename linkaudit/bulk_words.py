"""What labelling many links did, in words."""

from collections.abc import Collection, Mapping

from ncfd_site.core.formatting import format_first

DECISION_WORDS = {"right": "right", "wrong": "wrong", "cleared": "cleared"}
# Why links were skipped, by the name of the count.
WHY = {
    "changed": "changed since they were selected",
    "already": "labelled already",
    "disputed": "disputed, which an adjudicator resolves one by one",
    "others": "labelled by somebody else",
}
ALREADY_OPEN = "open already"
NAMED = 10


def report(decision: str, groups: Mapping[str, Collection[int]], counts: Mapping[str, int] | None = None) -> str:
    """Say how many links were labelled, skipped and failed, and name some of those that were not.

    `groups` are ids by what became of them; `counts` how many there were, where `groups` does not hold all.
    """
    number = counts or {name: len(ids) for name, ids in groups.items()}
    parts = [f"Labelled {DECISION_WORDS[decision]}: {number.get('labelled', 0):,}."]
    for name, why in WHY.items():
        if number.get(name):
            words = ALREADY_OPEN if name == "already" and decision == "cleared" else why
            parts.append(
                f"Skipped: {number[name]:,}, {words} ({format_first(groups.get(name, ()), NAMED, number[name])})."
            )
    if number.get("missing"):
        missing = format_first(groups["missing"], NAMED, number["missing"])
        parts.append(f"Failed: {number['missing']:,}, no longer there ({missing}).")
    return " ".join(parts)
