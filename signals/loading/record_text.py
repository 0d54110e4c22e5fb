"""A registry record as pages of readable text, with the places where each intervention is named."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ncfd_site.ingest.text import collapse_spaces
from signals.loading.fields import Json, get_line, get_objects, get_section, get_strings, get_text

# Characters of a page; a paragraph is not divided, so a page may be longer by one.
PAGE = 20_000
# The registry's own limit is 200.
LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class TextPosition:
    """Where a text stands: the page (from 1), and the first and one past the last code point on it (from 0)."""

    page_no: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class RegisteredIntervention:
    """An intervention as the record lists it, its type ("" where the record has none) and its place."""

    name: str
    type: str
    place: TextPosition


@dataclass
class RecordText:
    """The pages of a record, and its interventions in the order of the record."""

    pages: list[str] = field(default_factory=lambda: [""])
    interventions: list[RegisteredIntervention] = field(default_factory=list)

    def write(self, paragraph: str) -> None:
        """Add a line, on a new page where the last one is full."""
        if len(self.pages[-1]) >= PAGE:
            self.pages.append("")
        self.pages[-1] += f"{paragraph}\n"

    def write_intervention(self, before: str, name: str, kind: str) -> None:
        """Add a line that names an intervention, and remember where the name stands."""
        self.write(f"{before}{name}")
        end = len(self.pages[-1]) - 1
        place = TextPosition(len(self.pages), end - len(name), end)
        self.interventions.append(RegisteredIntervention(name, kind, place))


def render_record(record: Json, nct_id: str) -> RecordText:
    """Write the record out: number, titles, state, sponsor, conditions, interventions, arms, endpoints, summary."""
    page = RecordText()
    protocol = get_section(record, "protocolSection")
    for paragraph in _head(protocol, nct_id):
        page.write(paragraph)
    arms = get_section(protocol, "armsInterventionsModule")
    _interventions(page, arms)
    for title, paragraphs in _rest(protocol, arms):
        if paragraphs:
            page.write(f"\n{title}")
        for paragraph in paragraphs:
            page.write(paragraph)
    return page


def _head(protocol: Json, nct_id: str) -> Iterator[str]:
    identification = get_section(protocol, "identificationModule")
    status = get_section(protocol, "statusModule")
    design = get_section(protocol, "designModule")
    sponsors = get_section(protocol, "sponsorCollaboratorsModule")
    enrolment = get_section(design, "enrollmentInfo")
    yield f"{nct_id}: {get_line(identification, 'briefTitle') or 'no title'}"
    stated = {
        "Official title": get_line(identification, "officialTitle"),
        "Acronym": get_line(identification, "acronym"),
        "Study type": _spoken(get_line(design, "studyType")),
        "Phase": "/".join(map(_spoken, get_strings(design, "phases"))),
        "Status": _spoken(get_line(status, "overallStatus")),
        "Why stopped": get_line(status, "whyStopped"),
        "Sponsor": get_line(get_section(sponsors, "leadSponsor"), "name"),
        "Collaborators": "; ".join(get_line(other, "name") for other in get_objects(sponsors, "collaborators")),
        "Start": _date(status, "startDateStruct"),
        "Primary completion": _date(status, "primaryCompletionDateStruct"),
        "Completion": _date(status, "completionDateStruct"),
        "Last update posted": _date(status, "lastUpdatePostDateStruct"),
        "Enrolment": " ".join(filter(None, (_number(enrolment), _spoken(get_line(enrolment, "type")).lower()))),
        "Conditions": "; ".join(get_strings(get_section(protocol, "conditionsModule"), "conditions")),
    }
    for name, value in stated.items():
        if value:
            yield f"{name}: {value}"


def _interventions(page: RecordText, arms: Json) -> None:
    listed = [(get_line(item, "name", LONGEST_NAME), item) for item in get_objects(arms, "interventions")]
    if any(name for name, _ in listed):
        page.write("\nInterventions")
    for name, item in listed:
        if not name:
            continue
        kind = get_line(item, "type")
        page.write_intervention(f"- {_spoken(kind)}: " if kind else "- ", name, kind)
        if others := get_strings(item, "otherNames"):
            page.write(f"  also named: {'; '.join(others)}")
        if described := get_line(item, "description"):
            page.write(f"  {described}")


def _rest(protocol: Json, arms: Json) -> Iterator[tuple[str, list[str]]]:
    outcomes = get_section(protocol, "outcomesModule")
    yield "Arms", [_arm(arm) for arm in get_objects(arms, "armGroups")]
    yield "Primary endpoints", [_outcome(outcome) for outcome in get_objects(outcomes, "primaryOutcomes")]
    yield "Secondary endpoints", [_outcome(outcome) for outcome in get_objects(outcomes, "secondaryOutcomes")]
    summary = get_text(get_section(protocol, "descriptionModule"), "briefSummary")
    yield "Summary", [collapse_spaces(paragraph) for paragraph in summary.splitlines() if paragraph.strip()]
    references = get_objects(get_section(protocol, "referencesModule"), "references")
    yield "References", [said for reference in references if (said := _reference(reference))]


def _arm(arm: Json) -> str:
    kind, described = _spoken(get_line(arm, "type")).lower(), get_line(arm, "description")
    return f"- {get_line(arm, 'label')}{f' ({kind})' if kind else ''}{f': {described}' if described else ''}"


def _outcome(outcome: Json) -> str:
    frame, described = get_line(outcome, "timeFrame"), get_line(outcome, "description")
    return f"- {get_line(outcome, 'measure')}{f' [{frame}]' if frame else ''}{f': {described}' if described else ''}"


def _reference(reference: Json) -> str:
    said, number = get_line(reference, "citation"), get_line(reference, "pmid")
    kind = get_line(reference, "type").lower()
    cited = " ".join(filter(None, (said, f"PubMed {number}" if number else "")))
    return f"- {cited}{f' ({kind})' if kind else ''}" if cited else ""


def _date(status: Json, name: str) -> str:
    struct = get_section(status, name)
    day, kind = get_line(struct, "date"), get_line(struct, "type").lower()
    return f"{day} ({kind})" if day and kind else day


def _number(enrolment: Json) -> str:
    value = enrolment.get("count")
    return str(value) if isinstance(value, int) else ""


def _spoken(code: str) -> str:
    """An enumeration of the registry as words: "Active not recruiting", "Phase 2"."""
    if code == "NA":
        return "Not applicable"
    spoken = code.replace("_", " ").lower().replace("phase1", "phase 1").replace("phase2", "phase 2")
    return spoken.replace("phase3", "phase 3").replace("phase4", "phase 4").capitalize()
