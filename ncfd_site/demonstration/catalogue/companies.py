"""The invented companies, from `companies.csv`."""

from dataclasses import dataclass
from pathlib import Path

from ncfd_site.demonstration.catalogue.table import rows_of

# Nobody files under a CIK of this range yet.
FIRST_CIK = 9_900_000_001


@dataclass(frozen=True, slots=True)
class Maker:
    """A company. `ticker` and `exchange` are empty where nothing of it is listed now."""

    key: str
    name: str
    short: str
    city: str
    state: str
    country: str
    ticker: str
    exchange: str
    cik: int

    @property
    def domain(self) -> str:
        """Its domain, under the top-level domain that is reserved for examples."""
        return f"{self.key.replace('_', '-')}.example"

    @property
    def listed_as(self) -> str:
        """How a press release names it: with exchange and ticker, where it is listed."""
        return f"{self.name} ({self.exchange}: {self.ticker})" if self.ticker else self.name


MAKERS = {
    row["key"]: Maker(**row, cik=FIRST_CIK + place)
    for place, row in enumerate(rows_of(Path(__file__).with_name("companies.csv")))
}
