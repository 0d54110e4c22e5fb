"""Filters of the list of link audits."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from ncfd_site.adminkit.filters import (
    FixedChoicesFilter,
    IndexedValuesFilter,
    fixed_choices_filter,
    indexed_values_filter,
)
from ncfd_site.core.roles import GRANTS

# The confidences that HP-1 to HP-4 give lie in bands of their own.
BANDS = (("1.00", "1.00"), ("0.95", "0.99"), ("0.90", "0.94"), ("0.85", "0.89"), ("0.50", "0.84"), ("0.00", "0.49"))
MOST_REVIEWERS = 100


def _band(low: str, high: str) -> tuple[str, str, dict[str, Any]]:
    words = low if low == high else f"{low} to {high}"
    return f"{low}-{high}", words, {"confidence__gte": low, "confidence__lte": high}


class ReviewerFilter(IndexedValuesFilter):
    """Who gave the label: people who may label now. Someone else's name may still stand in the address."""

    column = parameter_name = "reviewed_by"
    title = "reviewer"
    nothing = "nobody"

    def get_values(self, model: Any) -> Iterable[Any]:
        """Return the names of those who may label; the column has no index to find them by."""
        groups = [role.value for role, granted in GRANTS.items() if "linkaudit.label_linkaudit" in granted]
        people = User.objects.filter(Q(groups__name__in=groups) | Q(is_superuser=True)).distinct()
        return people.order_by("username").values_list("username", flat=True)[:MOST_REVIEWERS]


HeuristicFilter = indexed_values_filter("heuristic_applied", "heuristic", nothing="none")
LabelFilter = fixed_choices_filter(
    "label",
    "label",
    ("right", "right", {"label": True}),
    ("wrong", "wrong", {"label": False}),
    ("open", "open", {"label__isnull": True}),
)
ConfidenceFilter: type[FixedChoicesFilter] = fixed_choices_filter(
    "confidence", "confidence", *(_band(low, high) for low, high in BANDS)
)
