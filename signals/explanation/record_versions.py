"""The versions of a trial's registry record: reads for the page of the record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ncfd_site.core import sql
from ncfd_site.core.formatting import format_yes_no, humanize_title, unescape_markdown
from signals.explanation.word_diff import WordDiff
from signals.loading.changes import strip_derived_fields
from signals.models import RegistryHistoryVersion
from signals.trials.run_record import ReadJson, read_json

# Where in a record a field stands -> how it is called. The order is that of the page: what matters most comes first.
SECTIONS = (
    (("protocolSection", "outcomesModule", "primaryOutcomes"), "Primary endpoint"),
    (("protocolSection", "designModule", "enrollmentInfo"), "Sample size"),
    (("protocolSection", "statusModule", "overallStatus"), "Status"),
    (("protocolSection", "statusModule"), "Dates and status"),
    (("protocolSection", "designModule"), "Design"),
    (("protocolSection", "armsInterventionsModule"), "Arms and interventions"),
    (("documentSection",), "Analysis plan and other documents"),
    (("protocolSection", "outcomesModule"), "Other endpoints"),
    (("protocolSection", "eligibilityModule"), "Eligibility"),
    (("protocolSection", "sponsorCollaboratorsModule"), "Sponsor and collaborators"),
    (("protocolSection", "identificationModule"), "Titles and numbers"),
    (("protocolSection", "descriptionModule"), "Description"),
    (("protocolSection", "conditionsModule"), "Conditions"),
    (("protocolSection",), "Other parts of the record"),
    (("resultsSection",), "Results"),
)
ELSEWHERE = "Other"
LONGEST = 20_000
DEEPEST = 20
CUT = " \u2026 (cut; the raw record has all)"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record in both versions; None where a version does not have it. Changed words are marked."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the record: the fields that changed, and those that did not."""

    name: str
    changed: list[Field]
    same: list[Field]


def compare_records(before: Any, after: Any) -> list[Section]:
    """Return the changed and unchanged fields of two records by section, without fields that the registry derives."""
    diff = WordDiff()
    old, new = dict(_iter_fields(strip_derived_fields(before))), dict(_iter_fields(strip_derived_fields(after)))
    sections = {name: Section(name, [], []) for name in (*(name for _, name in SECTIONS), ELSEWHERE)}
    # In the order of the page: the number of words that are compared is limited.
    for path in sorted({**old, **new}, key=lambda path: [*sections].index(_find_section(path)[1])):
        texts = old.get(path), new.get(path)
        section = sections[_find_section(path)[1]]
        if texts[0] == texts[1]:
            section.same.append(Field(_format_field_path(path), *texts))
        else:
            marked = zip(texts, diff.sides(texts[0] or "", texts[1] or ""), strict=True)
            section.changed.append(
                Field(_format_field_path(path), *(None if text is None else words for text, words in marked))
            )
    return [section for section in sections.values() if section.changed or section.same]


def _find_section(path: tuple[str, ...]) -> tuple[int, str]:
    """Return the section of a field, and how many names of its path lead to the section."""
    return next(((len(prefix), name) for prefix, name in SECTIONS if path[: len(prefix)] == prefix), (0, ELSEWHERE))


def _format_field_path(path: tuple[str, ...]) -> str:
    inner = path[_find_section(path)[0] :] or path[-1:]
    # A partial date is an object with a date in it; one name is enough.
    if len(inner) > 1 and inner[-2].endswith("DateStruct") and inner[-1] == "date":
        inner = inner[:-1]
    return ", ".join(map(_humanize_name, inner)) or "Record"


def _humanize_name(name: str) -> str:
    """Return a name of the registry in words: overallStatus is "Overall status"."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name.removesuffix("Struct"))
    return humanize_title(words)


def _iter_fields(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and text of each field of a record. A list is one field, with a line for each item."""
    if isinstance(value, Mapping) and value and len(path) < DEEPEST:
        for name, inner in value.items():
            yield from _iter_fields(inner, (*path, str(name)))
    elif isinstance(value, list):
        yield path, _shorten_text("\n".join(_format_value(item) for item in value) or "none")
    else:
        yield path, _shorten_text(_format_value(value))


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{_humanize_name(str(name))}: {_format_value(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_format_value, value))
    if value is None:
        return "none"
    if isinstance(value, bool):
        return format_yes_no(value)
    return unescape_markdown(str(value))


def _shorten_text(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + CUT


MOST_VERSIONS = 200
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its record; `fields` are the names of what changed since the capture before."""

    version_id: int
    captured_at: datetime
    last_update_posted_date: date | None
    sample_size: int | None
    sample_size_delta: int | None
    changed_primary_endpoint: bool | None
    changed_sample_size: bool | None
    changed_analysis_plan: bool | None
    fields: list[str] | None

    @property
    def flags(self) -> list[str]:
        """The material changes."""
        text = {
            "primary endpoint": self.changed_primary_endpoint,
            "sample size": self.changed_sample_size,
            "analysis plan": self.changed_analysis_plan,
        }
        return [name for name, changed in text.items() if changed]

    @property
    def delta(self) -> str:
        """The change of the sample size with its sign."""
        return f"{self.sample_size_delta:+,}" if self.sample_size_delta else ""

    @property
    def change(self) -> str:
        """A summary of the changes; the first version has none."""
        if self.fields is None:
            return "first version, or changes not recorded"
        names = [*dict.fromkeys(_find_section(tuple(name.split(".")))[1].lower() for name in self.fields)]
        if not names:
            return "no change by the sponsor"
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return ", ".join(names[:MOST_NAMED]) + more


_VERSIONS = """
    SELECT trial_version_id AS version_id, captured_at, last_update_posted_date, sample_size, sample_size_delta,
           changed_primary_endpoint, changed_sample_size, changed_analysis_plan,
           CASE jsonb_typeof(changes_jsonb)
               WHEN 'array' THEN ARRAY(SELECT left(c ->> 'field', 200) FROM jsonb_array_elements(changes_jsonb) c
                                       WHERE jsonb_typeof(c -> 'field') = 'string' LIMIT 200)
               WHEN 'object' THEN ARRAY(SELECT left(k, 200) FROM jsonb_object_keys(changes_jsonb) k LIMIT 200)
           END AS fields
    FROM trial_versions WHERE trial_id = %s ORDER BY captured_at DESC, trial_version_id DESC LIMIT %s
"""


def list_versions(trial_id: int) -> list[Version]:
    """Return the captured versions of a trial, newest first, without their records."""
    return sql.rows(_VERSIONS, [trial_id, MOST_VERSIONS], of=Version)


@dataclass(frozen=True, slots=True)
class _Record:
    version_id: int
    record: str


def read_records(trial_id: int, version_ids: Sequence[int]) -> dict[int, ReadJson]:
    """Return the records of some versions of a trial, by version ID."""
    found = sql.rows(
        """SELECT trial_version_id AS version_id, raw_jsonb::text AS record
           FROM trial_versions WHERE trial_id = %s AND trial_version_id = ANY(%s)""",
        [trial_id, list(version_ids)],
        of=_Record,
    )
    return {row.version_id: read_json(row.record) for row in found}


def list_registry_history(trial_id: int) -> list[RegistryHistoryVersion]:
    """Return the versions of a record as the registry lists them, newest first."""
    return list(RegistryHistoryVersion.objects.filter(trial_id=trial_id).order_by("-version_rank")[:MOST_VERSIONS])
