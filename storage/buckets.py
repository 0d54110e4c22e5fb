"""Ranges by which content is counted, drawn and filtered: of sizes, references, and days since the last use."""

from dataclasses import dataclass

KIB, MIB = 1024, 1024**2
# What `get_cleanup_candidates` takes for old enough, and `storage_gc` too.
GRACE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Bucket:
    """Whole numbers from `low` up to `below`, without `below` itself; None for no end. `key` stands in addresses."""

    key: str
    words: str
    low: int
    below: int | None

    def condition(self, column: str) -> dict[str, int]:
        """Return the filter for rows whose column lies in this range."""
        ends = {f"{column}__gte": self.low, f"{column}__lt": self.below}
        return {lookup: end for lookup, end in ends.items() if end is not None}


SIZES = (
    Bucket("untold", "not told", 0, 1),
    Bucket("under-1k", "under 1 KiB", 1, KIB),
    Bucket("1k-10k", "1 to 10 KiB", KIB, 10 * KIB),
    Bucket("10k-100k", "10 to 100 KiB", 10 * KIB, 100 * KIB),
    Bucket("100k-1m", "100 KiB to 1 MiB", 100 * KIB, MIB),
    Bucket("1m-10m", "1 to 10 MiB", MIB, 10 * MIB),
    Bucket("10m-100m", "10 to 100 MiB", 10 * MIB, 100 * MIB),
    Bucket("over-100m", "100 MiB and more", 100 * MIB, None),
)
REFERENCES = (
    Bucket("0", "no reference", 0, 1),
    Bucket("1", "1 reference", 1, 2),
    Bucket("2", "2 references", 2, 3),
    Bucket("3-10", "3 to 10 references", 3, 11),
    Bucket("over-10", "more than 10 references", 11, None),
)
AGES = (
    Bucket("0", "under 30 days", 0, GRACE_DAYS),
    Bucket("30", "30 to 60 days", GRACE_DAYS, 60),
    Bucket("60", "60 to 90 days", 60, 90),
    Bucket("90", "90 to 180 days", 90, 180),
    Bucket("180", "180 to 365 days", 180, 365),
    Bucket("365", "365 days and more", 365, None),
)
