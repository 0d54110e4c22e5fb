"""Retention of the audit log of stored content."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ncfd_site.retention.policy import Part, Prunable, Rule, register

# The database refuses to delete younger ones.
LEAST_DAYS = 30


def _plan_events(rule: Rule, now: datetime) -> Sequence[Part]:
    before = now - timedelta(days=max(rule["keep_days"], LEAST_DAYS))
    # Records of pruning are kept.
    return [Part("t.occurred_at < %(before)s AND t.action <> 'pruned'", {"before": before})]


EVENTS = register(
    Prunable(
        name="storage_events",
        title="storage events",
        table="storage_events",
        key="event_id",
        settings=("keep_days",),
        plan=_plan_events,
        delete="SELECT * FROM prune_storage_events(%(keys)s, %(before)s, %(actor)s)",
    )
)
