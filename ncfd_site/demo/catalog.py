"""The days of the demonstration, and its invented companies, drugs, conditions and trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

from ncfd_site.demo.templates import read_csv, read_toml
from securities.loading.names import normalize_company_name

# Days before today on which the registry was read, first load to fifth.
LOADS = (238, 120, 30, 9, 2)
# Days before today on which all trials were scored.
SCORED = (29, 22, 15, 8, 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days and UTC times relative to `today`; a negative offset is in the past."""

    today: date

    def day(self, offset: int) -> date:
        """Return the day at an offset from today."""
        return self.today + timedelta(days=offset)

    def at(self, offset: int, hour: int = 0, minute: int = 0) -> datetime:
        """Return a time on the day at an offset from today."""
        return moment(self.day(offset), hour, minute)

    def load(self, number: int) -> datetime:
        """Return the time of a registry load, counted from 1."""
        return self.at(-LOADS[number - 1], 2)

    def runs(self) -> dict[str, datetime]:
        """Return the times of the scoring runs by run ID, oldest first."""
        return {f"weekly-{self.day(-days)}": self.at(-days, 4, 10) for days in SCORED}

    def __getitem__(self, text: str | int) -> date | datetime:
        """Return the day that a template names `{day[-420]}`, or the time that it names `{day[-420 05:20]}`."""
        offset, _, clock = str(text).partition(" ")
        return self.at(int(offset), *map(int, clock.split(":"))) if clock else self.day(int(offset))


def moment(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """Return a UTC time on a day."""
    return datetime.combine(day, time(hour, minute), UTC)


class Company(SimpleNamespace):
    """A company: its number, and the columns of `data/companies.csv`.

    `ticker` and `exchange` are empty if none of its securities is listed now.
    """


class Drug(SimpleNamespace):
    """A drug: its number, its company, and the columns of `data/drugs.csv`.

    Two companies use the code MX-210. The loader takes a record that names only the code for the older drug, so some
    proposed links are wrong for a reason that a reviewer can find.
    """

    @property
    def title(self) -> str:
        """The INN for the beginning of a sentence."""
        return str(self.inn.capitalize())

    @property
    def names_by_kind(self) -> dict[str, str]:
        """The names that its company uses, INN first."""
        return {kind: name for kind in ("inn", "code", "brand") if (name := getattr(self, kind))}

    @property
    def names(self) -> list[str]:
        """All names, INN first."""
        return [*self.names_by_kind.values(), *filter(None, [self.other_code])]

    @property
    def description(self) -> str:
        """A phrase such as "an antibody (target: PD-L9; checkpoint inhibitor)"."""
        article = "an" if self.modality[0] in "aeiou" else "a"
        return f"{article} {self.modality} (target: {self.target}; {self.moa})"


class Condition(SimpleNamespace):
    """A condition, with the fields that `data/conditions.toml` explains."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial: `signals` maps S1 to S9 to H, M or L; `published` is the day of the first results.

    The registry load `first_load` finds the trial; `change_load` finds the change of its record.
    """

    place: int
    nct_id: str
    acronym: str
    drug: Drug
    partner: Drug | None
    condition: Condition
    phase: str
    status: str
    sponsor: str
    patients: int
    first_posted: date
    readout: date
    published: date | None
    signals: Mapping[str, str]
    stop_rule: str
    first_load: int
    change: str
    change_load: int

    @property
    def drugs(self) -> list[Drug]:
        """The drugs under trial."""
        return [self.drug, self.partner] if self.partner else [self.drug]

    @property
    def is_single_arm(self) -> bool:
        """True if the trial has no control group."""
        return "S7" in self.signals or self.phase in ("PHASE1", "PHASE1/PHASE2")

    @property
    def is_open_label(self) -> bool:
        """True if patients know what they receive."""
        return self.is_single_arm or self.stop_rule == "open_label_subjective" or bool(self.condition.is_hazard)

    @property
    def is_public(self) -> bool:
        """True if the sponsor is not a company."""
        return any(word in self.sponsor for word in ("University", "Hospital", "Ministry"))

    @property
    def sponsor_norm(self) -> str:
        """The sponsor in the form in which company names are compared."""
        return normalize_company_name(self.sponsor)

    @property
    def phase_words(self) -> str:
        """The phase in prose: "phase 2/3"."""
        return "phase " + self.phase.replace("PHASE", "")


def plan_trials(calendar: Calendar) -> list[PlannedTrial]:
    """Return every trial; `data/trials.csv` counts days from today."""
    return [_plan_trial(place, row, calendar) for place, row in enumerate(read_csv("trials"))]


def _plan_trial(place: int, row: Mapping[str, str], calendar: Calendar) -> PlannedTrial:
    dates = ("first_posted", "readout", "published")
    return PlannedTrial(
        place,
        **{
            **row,
            **{name: calendar.day(int(row[name])) if row[name] else None for name in dates},
            **{name: int(row[name] or 0) for name in ("patients", "first_load", "change_load")},
            "drug": DRUGS[row["drug"]],
            "partner": DRUGS.get(row["partner"]),
            "condition": CONDITIONS[row["condition"]],
            "signals": {signal[:2]: signal[2] for signal in row["signals"].split()},
        },  # type: ignore[arg-type]
    )


COMPANIES = {row["key"]: Company(**row, number=number) for number, row in enumerate(read_csv("companies"), start=1)}
DRUGS = {
    row["key"]: Drug(**{**row, "number": number, "company": COMPANIES[row["company"]]})
    for number, row in enumerate(read_csv("drugs"), start=1)
}
CONDITIONS = {key: Condition(key=key, **fields) for key, fields in read_toml("conditions").items()}
