"""What companies are also called, and who owned whom when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ncfd_site.demonstration.catalogue.companies import MAKERS
from ncfd_site.demonstration.plan.calendar import Calendar

# Days before today on which Cockaigne bought Utopia from Hyperborea.
UTOPIA_SOLD = 420


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a company; `bearer` is the company that bears it itself, where that is another one."""

    company: str
    kind: str
    name: str
    since: date | None = None
    until: date | None = None
    bearer: str | None = None
    confidence: str = "1.00"


@dataclass(frozen=True, slots=True)
class Ownership:
    """A company over another one, until a day or still."""

    parent: str
    child: str
    since: date
    until: date | None = None
    kind: str = "subsidiary"


def aliases() -> Iterator[Alias]:
    """Every name: a short one and a domain for each company, and some of each other kind."""
    for maker in MAKERS.values():
        yield Alias(maker.key, "short", maker.short)
        yield Alias(maker.key, "domain", f"{maker.key.replace('_', '-')}-investors.example")
    yield Alias("laputa", "former_name", "Academy of Lagado Ltd", date(2004, 3, 1), date(2016, 8, 31))
    yield Alias("cockaigne", "former_name", "Land of Plenty Foods, Inc.", date(1998, 1, 5), date(2011, 12, 30))
    yield Alias("brobdingnag", "legal", "Brobdingnag Biologics Corporation of Lorbrulgrud")
    yield Alias("luggnagg", "dba", "Struldbrug Laboratories")
    yield Alias("looking_glass", "aka", "Cheshire Eye Company")
    yield Alias("ruritania", "brand", "Elphia Care", confidence="0.80")
    yield Alias("lilliput", "subsidiary", "Blefuscu Biosciences", bearer="blefuscu", confidence="0.95")
    yield Alias("snark", "other", "SNARK RESP", confidence="0.60")
    yield Alias("hyperborea", "domain", "northwind.example", date(2009, 5, 4), date(2018, 5, 3))


def ownerships(calendar: Calendar) -> Iterator[Ownership]:
    """Parents and children: two that hold, one that moved from one parent to another, and one that ended."""
    yield Ownership("flying_island", "laputa", date(2016, 9, 1))
    yield Ownership("lilliput", "blefuscu", date(2019, 2, 14))
    yield Ownership("hyperborea", "utopia", date(2018, 6, 1), calendar.day(-UTOPIA_SOLD))
    yield Ownership("cockaigne", "utopia", calendar.day(-UTOPIA_SOLD))
    yield Ownership("brobdingnag", "mock_turtle", date(2010, 1, 4), date(2014, 10, 31), kind="joint venture")
