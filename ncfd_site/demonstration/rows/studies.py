"""Published results with their study cards; the database itself records what the cards of pivotal trials lack."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import moment
from ncfd_site.demonstration.plan.publications import Publication
from signals.models import Study

COVERAGE = {"PR": "medium", "Abstract": "low", "Paper": "high"}
# What the card of an abstract leaves out, in turn; nothing in two of five.
LACKS = ("", "populations", "results", "", "endpoints and size")
# Errors are as old as the studies that they are about.
_ERROR_TIMES = "UPDATE staging_errors e SET created_at = s.created_at FROM studies s WHERE s.study_id = e.study_id"


def add_studies(
    publications: Sequence[Publication], trials: Mapping[str, int], documents: Mapping[str, int]
) -> dict[str, int]:
    """Add a study for each publication with results; returns their numbers by address."""
    published = [one for one in publications if one.found and one.source_type in COVERAGE]
    studies = Study.objects.bulk_create(
        Study(
            trial_id=trials[one.trial.nct_id],
            doc_type=one.source_type,
            citation=f"{one.title}. {one.publisher}, {one.published.year}.",
            year=one.published.year,
            url=one.source_url,
            oa_status="open" if one.source_type == "Abstract" else "green" if one.source_type == "Paper" else "unknown",
            extracted_jsonb=_card(one, place, documents[one.source_url]),
            coverage_level=COVERAGE[one.source_type],
            notes_md="Card built by hand from the **slides**." if place % 9 == 4 else None,
            created_at=moment(one.published, 22),
            updated_at=moment(one.published, 22, 30),
        )
        for place, one in enumerate(published)
    )
    sql.execute(_ERROR_TIMES)
    return dict(zip((one.source_url for one in published), (study.pk for study in studies), strict=True))


def _card(one: Publication, place: int, document: int) -> dict[str, Any]:
    assert one.found is not None  # noqa: S101 (only those with results come here)
    card = deepcopy(one.found.card)
    card["source"] = {"doc_id": document, "quote": one.found.sentences["primary"]}
    if one.source_type == "Abstract":
        _leave_out(card, LACKS[place % len(LACKS)])
    elif one.source_type == "Paper":
        card["sample_size"]["total_n"] = f"{one.found.analysed} participants"
    return card


def _leave_out(card: dict[str, Any], what: str) -> None:
    if what == "populations":
        del card["populations"]
    elif what == "results":
        card["results"] = {"primary": [{"endpoint": card["primary_endpoints"][0]["name"], "direction": "better"}]}
    elif what:
        card["primary_endpoints"] = []
        card["sample_size"] = {"total_n": "several hundred"}
