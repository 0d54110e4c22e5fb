"""When things happened, counted from the day on which the demonstration is loaded."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

# Days before today on which the registry was read, the first load to the fifth.
LOADS = (238, 120, 30, 9, 2)
# Days before today on which all trials were scored.
SCORED = (29, 22, 15, 8, 1)
# Features of a trial freeze so many days before its readout.
FREEZE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days and moments relative to `today`; negative is the past. All moments are UTC."""

    today: date

    def day(self, offset: int) -> date:
        """The day so many days from today."""
        return self.today + timedelta(days=offset)

    def at(self, offset: int, hour: int = 0, minute: int = 0) -> datetime:
        """A time on that day."""
        return moment(self.day(offset), hour, minute)

    def load(self, number: int) -> datetime:
        """When the registry was read for the first (1), second ... time."""
        return self.at(-LOADS[number - 1], 2)

    def runs(self) -> dict[str, datetime]:
        """The scoring runs, oldest first: their ids and when they ran."""
        return {f"weekly-{self.day(-days)}": self.at(-days, 4, 10) for days in SCORED}


def moment(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """A time on a day, UTC."""
    return datetime.combine(day, time(hour, minute), UTC)


def frozen_at(readout: date) -> datetime:
    """When the features of a trial with that readout freeze."""
    return moment(readout - timedelta(days=FREEZE_DAYS))
