"""Validation errors, with the fields that the study card still lacks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ncfd_site.core import sql
from ncfd_site.core.lists import ListPage, Selection, read_page
from signals.models import StagingError

MOST_KINDS = 20
KIND_NAMES = sql.build_distinct_query("staging_errors", "error_type", MOST_KINDS)
PAGE_SIZE = 25
PIVOTAL = "pivotal_validation"
NAMED_BY = "PivotalStudyMissingFields:"

# The four rules of `enforce_pivotal_study_card`, by the names that its message uses, and what each asks for.
RULES = {
    "primary_endpoints": "Primary endpoints: a list that is not empty",
    "sample_size.total_n": "Sample size, total n: a number",
    "populations.analysis_primary_on": "Populations, analysis primary on: the population of the primary analysis",
    "results.primary.(effect_size.value OR p_value)": "Results, primary: an item with an effect size or a p-value",
}


@dataclass(frozen=True, slots=True)
class ErrorFilter(Selection):
    """A selection of errors."""

    kind: str = ""
    trial: str = ""
    study: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A missing field; `is_lacking` refers to the current card, None without a card or rule."""

    name: str
    words: str
    is_lacking: bool | None


@dataclass(frozen=True, slots=True)
class ErrorView:
    """An error with its missing fields and their current state."""

    error: StagingError
    missing: tuple[Missing, ...]
    has_study: bool
    has_changed: bool

    @property
    def state(self) -> str:
        """The state: open, fixed or unknown."""
        if not self.has_study or not self.missing or any(field.is_lacking is None for field in self.missing):
            return "unknown"
        return "open" if any(field.is_lacking for field in self.missing) else "fixed"


def list_kinds() -> list[str]:
    """Return the kinds of stored errors, sorted."""
    return sql.read_distinct_values("staging_errors", "error_type", MOST_KINDS)


def load_error_page(selection: ErrorFilter, number: int) -> ListPage[ErrorView]:
    """Read a page of the errors of a selection, newest first."""
    errors = StagingError.objects.select_related("trial", "study").order_by("-pk")
    if selection.kind:
        errors = errors.filter(error_type=selection.kind)
    if selection.trial:
        errors = errors.filter(trial__nct_id=selection.trial)
    if selection.study is not None:
        errors = errors.filter(study_id=selection.study)
    page = read_page(errors, number, PAGE_SIZE)
    return page.with_rows([describe_error(error) for error in page.rows])


def describe_error(error: StagingError) -> ErrorView:
    """Return an error with its missing fields, and whether the study still lacks them."""
    study = error.study
    lacking = find_missing_fields(study.extracted_jsonb) if study else frozenset()
    # The message names the fields; that of an error of another kind names none.
    is_named = error.error_type == PIVOTAL and error.error_message.startswith(NAMED_BY)
    names = error.error_message.removeprefix(NAMED_BY).split(",") if is_named else []
    missing = tuple(
        Missing(name, RULES.get(name, name), name in lacking if study and name in RULES else None)
        for name in filter(None, map(str.strip, names))
    )
    return ErrorView(
        error, missing, study is not None, study is not None and study.extracted_jsonb != error.extracted_jsonb
    )


def find_missing_fields(card: Any) -> frozenset[str]:
    """Return the required fields that a study card lacks, by the rules of `enforce_pivotal_study_card`."""
    card = card if isinstance(card, Mapping) else {}
    size, populations, results = (_get_mapping(card, name) for name in ("sample_size", "populations", "results"))
    total = size.get("total_n")
    is_number = not isinstance(total, bool) and isinstance(total, int | float | str)
    items = results.get("primary")
    holds = {
        "primary_endpoints": isinstance(card.get("primary_endpoints"), list) and bool(card["primary_endpoints"]),
        "sample_size.total_n": is_number and any(sign in "0123456789" for sign in str(total)),
        "populations.analysis_primary_on": _has_text(populations.get("analysis_primary_on")),
        "results.primary.(effect_size.value OR p_value)": any(
            _has_text(_get_mapping(item, "effect_size").get("value")) or _has_text(item.get("p_value"))
            for item in (items if isinstance(items, list) else [])
            if isinstance(item, Mapping)
        ),
    }
    return frozenset(name for name, is_there in holds.items() if not is_there)


def _get_mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, Mapping) else {}


def _has_text(value: Any) -> bool:
    """Return True unless a JSON value is null or blank text."""
    return value is not None and (not isinstance(value, str) or bool(value.strip()))
