"""What cleanings and moves did, in sentences: the same on a terminal and on the page of a job."""

from ncfd_site.core.formatting import format_size
from storage.cleaning import Cleaned
from storage.tiers import Moved, MoveOptions


def cleaned_in_words(done: Cleaned, keep_minutes: int) -> str:
    """What was deleted, what stays and why, a sentence a line."""
    deleted = f"{done.rows:,} rows ({format_size(done.row_bytes)})"
    lines = [f"Deleted {deleted} and the bytes of {done.bytes.contents:,} contents."]
    if done.rows and keep_minutes:
        lines.append(
            f"The bytes of these rows go with the first storage_gc --delete in {keep_minutes} minutes or later."
        )
    if done.passed_over:
        lines.append(f"{done.passed_over:,} candidates stay: they are in use, or something still points to them.")
    if done.bytes.lifted:
        lines.append(f"{done.bytes.lifted:,} contents had been named again, and their bytes stay.")
    if done.bytes.postponed:
        lines.append(f"The bytes of {done.bytes.postponed:,} contents had been put again, and get another hour.")
    return "\n".join(lines)


def moved_in_words(moved: Moved, options: MoveOptions) -> str:
    """What was moved, when the old bytes go, and what somebody else did meanwhile."""
    words = f"Moved {moved.contents:,} contents ({format_size(moved.size_bytes)}) to {options.to}."
    if moved.contents:
        words += f" Their old bytes go with the first storage_gc --delete {_later(options.keep_minutes)}."
    if moved.meanwhile:
        words += f" {moved.meanwhile:,} were moved or deleted by somebody else meanwhile."
    return words


def _later(keep_minutes: int) -> str:
    return f"in {keep_minutes:,} minutes or later" if keep_minutes else "from now on"
