"""The company of a ticker on a date: one, several that claim it, or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from securities.queries.listings import ListingPeriod


@dataclass(frozen=True, slots=True)
class Meaning:
    """The securities that a ticker is on a day; `before` and `after` are the nearest others in time.

    `issuers` are the companies that the securities name; `linked` are others, that only a link claims it for.
    """

    on: date
    issuers: list[ListingPeriod]
    linked: list[ListingPeriod]
    before: ListingPeriod | None
    after: ListingPeriod | None

    @property
    def claims(self) -> list[ListingPeriod]:
        """All companies that come into question, the issuers first."""
        return [*self.issuers, *self.linked]

    @property
    def is_disputed(self) -> bool:
        """True if more than one company comes into question."""
        return len({span.company_id for span in self.claims}) > 1


def meaning_of(spans: Sequence[ListingPeriod], on: date) -> Meaning:
    """Return what a ticker with this history means on a day, regardless of the current status of the security."""
    issuers = [span for span in spans if span.is_issuer and span.includes(on)]
    linked = [span for span in spans if not span.is_issuer and span.includes(on)]
    own = list_issuer_periods(spans)
    earlier = [span for span in own if span.after and span.after <= on]
    later = [span for span in own if span.first and span.first > on]
    return Meaning(
        on,
        issuers,
        linked,
        before=max(earlier, key=lambda span: span.after or on, default=None),
        after=min(later, key=lambda span: span.first or on, default=None),
    )


def list_issuer_periods(spans: Sequence[ListingPeriod]) -> list[ListingPeriod]:
    """Return one span for each security: that of its issuer."""
    return [span for span in spans if span.is_issuer and not span.is_empty]
