"""The metadata of many scores, read one by one, so that one unreadable value does not affect the others."""

from collections.abc import Iterable

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from signals.models import Score
from signals.trials.json_text import read_json


def with_unread_metadata(scores: QuerySet[Score]) -> QuerySet[Score]:
    """Return the scores with their metadata as text for `read_metadata`."""
    return scores.defer("metadata").annotate(metadata_text=Cast("metadata", TextField()))


def read_metadata(scores: Iterable[Score]) -> list[Score]:
    """Read the metadata of scores `with_unread_metadata`; None if its JSON is unreadable."""
    found = list(scores)
    for score in found:
        score.metadata = read_json(getattr(score, "metadata_text", None)).value
    return found


def with_readable_metadata(scores: QuerySet[Score]) -> list[Score]:
    """Return the scores; unreadable metadata become None."""
    return read_metadata(with_unread_metadata(scores))
