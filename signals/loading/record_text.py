"""A registry record as pages of text, with the position of each intervention's name."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ncfd_site.ingest.text import collapse_spaces
from signals.loading.codes import normalize_code
from signals.loading.fields import Json, get_line, get_objects, get_section, get_strings, get_text

# Characters of a page. A paragraph is not divided, so a page may be longer by one.
PAGE_SIZE = 20_000
# Pages hold any length; this is far above the registry's limit.
MAX_SUMMARY_LENGTH = 4_000_000
# The registry's limit is 200.
MAX_NAME_LENGTH = 500


@dataclass(frozen=True, slots=True)
class TextPosition:
    """Page (from 1), first code point and one past the last (from 0)."""

    page_no: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class RegisteredIntervention:
    """An intervention of a record; `type` is empty if not stated."""

    name: str
    type: str
    place: TextPosition


@dataclass
class RecordText:
    """The pages of a record and its interventions, in the order of the record."""

    pages: list[str] = field(default_factory=lambda: [""])
    interventions: list[RegisteredIntervention] = field(default_factory=list)

    def write(self, paragraph: str) -> None:
        """Append a line, on a new page if the last one is full."""
        if len(self.pages[-1]) >= PAGE_SIZE:
            self.pages.append("")
        self.pages[-1] += f"{paragraph}\n"

    def write_intervention(self, before: str, name: str, kind: str) -> None:
        """Append a line that names an intervention, and record the position of the name."""
        self.write(f"{before}{name}")
        end = len(self.pages[-1]) - 1
        place = TextPosition(len(self.pages), end - len(name), end)
        self.interventions.append(RegisteredIntervention(name, kind, place))


def render_record(record: Json, nct_id: str) -> RecordText:
    """Return the record as text: titles, status, sponsor, conditions, interventions, arms, endpoints, summary."""
    text = RecordText()
    protocol = get_section(record, "protocolSection")
    for paragraph in _iter_header_lines(protocol, nct_id):
        text.write(paragraph)
    arms = get_section(protocol, "armsInterventionsModule")
    _write_interventions(text, arms)
    for title, paragraphs in _iter_sections(protocol, arms):
        if paragraphs:
            text.write(f"\n{title}")
        for paragraph in paragraphs:
            text.write(paragraph)
    return text


def _iter_header_lines(protocol: Json, nct_id: str) -> Iterator[str]:
    identification = get_section(protocol, "identificationModule")
    status = get_section(protocol, "statusModule")
    design = get_section(protocol, "designModule")
    sponsors = get_section(protocol, "sponsorCollaboratorsModule")
    enrollment = get_section(design, "enrollmentInfo")
    yield f"{nct_id}: {get_line(identification, 'briefTitle') or 'no title'}"
    count = enrollment.get("count")
    number = str(count) if isinstance(count, int) else ""
    stated = {
        "Official title": get_line(identification, "officialTitle"),
        "Acronym": get_line(identification, "acronym"),
        "Study type": _format_code(get_line(design, "studyType")),
        "Phase": "/".join(map(_format_code, get_strings(design, "phases"))),
        "Status": _format_code(get_line(status, "overallStatus")),
        "Why stopped": get_line(status, "whyStopped"),
        "Sponsor": get_line(get_section(sponsors, "leadSponsor"), "name"),
        "Collaborators": "; ".join(get_line(other, "name") for other in get_objects(sponsors, "collaborators")),
        "Start": _format_date(status, "startDateStruct"),
        "Primary completion": _format_date(status, "primaryCompletionDateStruct"),
        "Completion": _format_date(status, "completionDateStruct"),
        "Last update posted": _format_date(status, "lastUpdatePostDateStruct"),
        "Enrollment": " ".join(filter(None, (number, _format_code(get_line(enrollment, "type")).lower()))),
        "Conditions": "; ".join(get_strings(get_section(protocol, "conditionsModule"), "conditions")),
    }
    for name, value in stated.items():
        if value:
            yield f"{name}: {value}"


def _write_interventions(text: RecordText, arms: Json) -> None:
    named = [
        (name, item) for item in get_objects(arms, "interventions") if (name := get_line(item, "name", MAX_NAME_LENGTH))
    ]
    if named:
        text.write("\nInterventions")
    for name, item in named:
        kind = normalize_code(get_line(item, "type"))
        text.write_intervention(f"- {_format_code(kind)}: " if kind else "- ", name, kind)
        if others := get_strings(item, "otherNames"):
            text.write(f"  also named: {'; '.join(others)}")
        if description := get_line(item, "description"):
            text.write(f"  {description}")


def _iter_sections(protocol: Json, arms: Json) -> Iterator[tuple[str, list[str]]]:
    outcomes = get_section(protocol, "outcomesModule")
    yield "Arms", [_format_arm(arm) for arm in get_objects(arms, "armGroups")]
    yield "Primary endpoints", [_format_outcome(outcome) for outcome in get_objects(outcomes, "primaryOutcomes")]
    yield "Secondary endpoints", [_format_outcome(outcome) for outcome in get_objects(outcomes, "secondaryOutcomes")]
    summary = get_text(get_section(protocol, "descriptionModule"), "briefSummary", MAX_SUMMARY_LENGTH)
    yield "Summary", [collapse_spaces(paragraph) for paragraph in summary.splitlines() if paragraph.strip()]
    references = get_objects(get_section(protocol, "referencesModule"), "references")
    yield "References", [text for reference in references if (text := _format_reference(reference))]


def _format_arm(arm: Json) -> str:
    kind, description = _format_code(get_line(arm, "type")).lower(), get_line(arm, "description")
    return f"- {get_line(arm, 'label')}{f' ({kind})' if kind else ''}{f': {description}' if description else ''}"


def _format_outcome(outcome: Json) -> str:
    frame, description = get_line(outcome, "timeFrame"), get_line(outcome, "description")
    measure = get_line(outcome, "measure")
    return f"- {measure}{f' [{frame}]' if frame else ''}{f': {description}' if description else ''}"


def _format_reference(reference: Json) -> str:
    citation, number = get_line(reference, "citation"), get_line(reference, "pmid")
    kind = get_line(reference, "type").lower()
    cited = " ".join(filter(None, (citation, f"PubMed {number}" if number else "")))
    return f"- {cited}{f' ({kind})' if kind else ''}" if cited else ""


def _format_date(status: Json, name: str) -> str:
    struct = get_section(status, name)
    day, kind = get_line(struct, "date"), get_line(struct, "type").lower()
    return f"{day} ({kind})" if day and kind else day


def _format_code(code: str) -> str:
    """Return a code of the registry as text: "Active not recruiting", "Phase 2"."""
    if code == "NA":
        return "Not applicable"
    label = code.replace("_", " ").lower()
    for number in "1234":
        label = label.replace(f"phase{number}", f"phase {number}")
    return label.capitalize()
