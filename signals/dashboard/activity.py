"""Series of the activity page: signals and gates that fired, and imported records."""

from ncfd_site.core.charts.series import SeriesItem
from ncfd_site.dashboard.activity import Period, count_as, register_series

SIGNALS = "SELECT fired_at AS at FROM signals WHERE fired_at >= {since}"
GATES = "SELECT evaluated_at AS at FROM gates WHERE fired_bool AND evaluated_at >= {since}"
RECORDS = """
    SELECT finished_at AS at, total_processed AS records
    FROM (SELECT * FROM ingest_runs ORDER BY run_id DESC LIMIT 10000) r WHERE finished_at >= {since}
"""


def describe_records(period: Period) -> SeriesItem:
    """Return the number of imported records of a period as an item."""
    number = int(period.value or 0)
    return SeriesItem(period.at.isoformat(), number, f"{number:,} record{'' if number == 1 else 's'}")


register_series(
    "signals", "Signals fired a week", "signals.view_signal", unit="week", rows=SIGNALS, describe=count_as("signal"),
    heading="Signals",
)  # fmt: skip
register_series(
    "gates", "Gates fired a week", "signals.view_gate", unit="week", rows=GATES, describe=count_as("gate"),
    heading="Gates",
)  # fmt: skip
register_series(
    "records", "Records imported a week", "signals.view_ingestrun", unit="week", rows=RECORDS,
    value="sum(r.records)::float8", describe=describe_records, heading="Records",
)  # fmt: skip
