"""A run: one pass after the other, from where an earlier run stopped."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from ncfd_site.core.progress import ProgressReporter
from storage.verification.content import bytes_passes, hash_passes
from storage.verification.counts import count_passes
from storage.verification.findings import Check, Finding
from storage.verification.leftovers import IncomingPass, tombstone_passes
from storage.verification.options import VerifyOptions
from storage.verification.orphans import listing_passes
from storage.verification.owners import owner_passes
from storage.verification.passes import Page, Pass
from storage.verification.stores import Stores
from storage.verification.summary import Checked, Summary


def verify(
    options: VerifyOptions, control: ProgressReporter, tell: Callable[[Finding], None], stores: Stores | None = None
) -> Summary:
    """Check, and tell every finding as soon as it is certain.

    Goes on behind the checkpoint of the control; the findings of what lies before it were told by the earlier run, and
    the summary counts them. Raises `Canceled` after a page whose checkpoint is kept.
    """
    stores = stores or Stores()
    kept = control.checkpoint
    summary = Summary.from_json(kept["summary"]) if "summary" in kept else _begun(options)
    places: dict[str, dict[str, Any]] = {name: dict(place) for name, place in kept.get("places", {}).items()}

    def checkpoint() -> dict[str, Any]:
        return {"summary": summary.as_json(), "places": {name: dict(place) for name, place in places.items()}}

    for one in _passes(options, stores):
        place = places.setdefault(one.name, {"after": None, "steps": 0, "is_over": False})
        if place["is_over"]:
            continue
        control.begin(one.step, one.total(), one.unit)
        if place["steps"]:
            control.advance(place["steps"])
        while page := one.page(place["after"]):
            _take(page, one, summary, stores, tell)
            place |= {"after": page.last, "steps": place["steps"] + page.steps}
            control.advance(page.steps, checkpoint=checkpoint())
        place["is_over"] = True
        control.advance(0, checkpoint=checkpoint())
    summary.ended_at = timezone.now().isoformat()
    return summary


def _take(page: Page, one: Pass, summary: Summary, stores: Stores, tell: Callable[[Finding], None]) -> None:
    checked = summary.checks[one.check]
    checked.looked_at += page.looked_at
    checked.young += page.looked.young
    for finding in page.looked.findings:
        summary.add(one.check, finding)
        tell(finding)
    for backend, rows in page.looked.unchecked.items():
        summary.miss(one.check, backend, stores.reasons[backend], rows)


def _begun(options: VerifyOptions) -> Summary:
    return Summary(
        started_at=timezone.now().isoformat(),
        sample=options.sample,
        seed=options.seed,
        checks={check.value: Checked() for check in options.checks},
    )


def _passes(options: VerifyOptions, stores: Stores) -> list[Pass]:
    passes: dict[Check, list[Pass]] = {
        Check.COUNTS: [*count_passes()],
        Check.OWNERS: [*owner_passes()],
        Check.BYTES: [*bytes_passes(options, stores)],
        Check.HASHES: [*hash_passes(options, stores)],
        Check.ORPHANS: [*listing_passes(options, stores), *tombstone_passes(), IncomingPass(stores=stores)],
    }
    return [one for check in options.checks for one in passes[check]]
