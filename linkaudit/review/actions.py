"""What can be done with a key on the desk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do: its name, the key that does it unless a person wants another, and what it does in words."""

    name: str
    key: str
    words: str


ACTIONS = (
    Action("right", "y", "Right"),
    Action("wrong", "n", "Wrong"),
    Action("unsure", "u", "Unsure"),
    Action("note", "m", "Write a note"),
    Action("skip", "s", "Skip"),
    Action("undo", "z", "Take back the last decision"),
    Action("next", "j", "Next marked word"),
    Action("previous", "k", "Previous marked word"),
    Action("quote", "e", "The words that the claim quotes"),
    Action("source", "o", "Open the document at its source"),
    Action("start", "r", "Start or go on"),
    Action("help", "?", "Show the keys"),
)
