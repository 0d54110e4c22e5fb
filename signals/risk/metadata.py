"""What runs wrote down of scores, for pages that show many of them."""

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from signals.models import Score
from signals.why.json_text import read_json


def with_readable_metadata(scores: QuerySet[Score]) -> list[Score]:
    """Return the scores; the metadata of those whose JSON cannot be read is None.

    It is read as text first: one score whose JSON is nested too deep, or holds a number without end, would otherwise
    take all the others with it.
    """
    found: list[Score] = list(scores.defer("metadata").annotate(metadata_text=Cast("metadata", TextField())))
    for score in found:
        score.metadata = read_json(getattr(score, "metadata_text", None)).value
    return found
