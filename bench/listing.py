"""The first page of the admin's list of links."""

from collections.abc import Sequence

from django.urls import reverse

from bench.answers import answers
from bench.measure import Keywords

TURNS = 15


def first_pages(databases: Sequence[Keywords]) -> list[list[float]]:
    """Return the seconds of each response by database; raise SystemExit if a query counts rows or reads evidence."""
    page = answers(databases, {"list": reverse("admin:linkaudit_linkaudit_changelist")}, TURNS)["list"]
    for query in page.queries:
        if "link_audit" in query and ("COUNT(" in query or "evidence_jsonb" in query):
            raise SystemExit(f"The list counts the table or reads the evidence: {query}")
    return page.seconds
