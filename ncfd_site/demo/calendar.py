"""Days and times, counted from the day of the load."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

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
