"""What runs wrote down of scores, for pages and answers that show many of them.

It is read as text first: one score whose JSON is nested too deep, or holds a number without end, would otherwise take
all the others with it.
"""

from collections.abc import Iterable

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from signals.models import Score
from signals.trials.json_text import read_json


def with_unread_metadata(scores: QuerySet[Score]) -> QuerySet[Score]:
    """Return the scores with their metadata as text, which `read_metadata` reads."""
    return scores.defer("metadata").annotate(metadata_text=Cast("metadata", TextField()))


def read_metadata(scores: Iterable[Score]) -> list[Score]:
    """Read the metadata of scores `with_unread_metadata`; None where its JSON cannot be read."""
    found = list(scores)
    for score in found:
        score.metadata = read_json(getattr(score, "metadata_text", None)).value
    return found


def with_readable_metadata(scores: QuerySet[Score]) -> list[Score]:
    """Return the scores; the metadata of those whose JSON cannot be read is None."""
    return read_metadata(with_unread_metadata(scores))
