"""Results and events as sentences, for commands and pages."""

from typing import Any

from ncfd_site.core.formatting import format_quantity, format_size
from storage.garbage_collection import GcResult
from storage.models import StorageEvent
from storage.tiers import MoveOptions, MoveResult

ACTION_LABELS = {
    "reference_added": "reference added",
    "reference_released": "reference released",
    "count_corrected": "count corrected",
    "object_deleted": "row deleted",
    "bytes_deleted": "data deleted",
    "moved": "moved",
    "repaired": "repaired",
}
PLACES = {"local": "local disk", "s3": "S3"}


def describe_gc_result(result: GcResult, retention_minutes: int) -> str:
    """Return what was deleted and what was kept, one sentence per line."""
    rows, objects = format_quantity(result.row_count, "row"), format_quantity(result.data.object_count, "object")
    lines = [f"Deleted {rows} ({format_size(result.row_bytes)}) and the data of {objects}."]
    if result.row_count and retention_minutes:
        lines.append(
            "The data of these rows is deleted by the first run of storage_gc --delete after "
            f"{format_quantity(retention_minutes, 'minute')}."
        )
    if result.skipped_count:
        lines.append(f"{format_quantity(result.skipped_count, 'object')} skipped (in use).")
    if result.data.rereferenced_count:
        lines.append(f"{format_quantity(result.data.rereferenced_count, 'object')} kept (referenced again).")
    if result.data.postponed_count:
        lines.append(f"{format_quantity(result.data.postponed_count, 'object')} postponed by an hour (uploaded again).")
    return "\n".join(lines)


def describe_move_result(result: MoveResult, options: MoveOptions) -> str:
    """Return what was moved, when the old data is deleted, and what changed concurrently."""
    moved = format_quantity(result.object_count, "object")
    text = f"Moved {moved} ({format_size(result.size_bytes)}) to {options.to}."
    if result.object_count:
        minutes = options.retention_minutes
        when = f"after {format_quantity(minutes, 'minute')}" if minutes else "from now on"
        text += f" The old data is deleted by the first run of storage_gc --delete {when}."
    if result.changed_count:
        text += f" Skipped {format_quantity(result.changed_count, 'object')} (moved or deleted concurrently)."
    return text


def describe_action(action: str) -> str:
    """Return the label of an event's action; an unknown one is returned unchanged."""
    return ACTION_LABELS.get(action, action)


def describe_event(event: StorageEvent) -> str:
    """Return an event's action with its details."""
    detail = _describe_detail(event.detail if isinstance(event.detail, dict) else {})
    return f"{describe_action(event.action)}: {detail}" if detail else describe_action(event.action)


def _describe_detail(detail: dict[str, Any]) -> str:
    if "reference_type" in detail:
        count = detail.get("refcount")
        refcount = f", refcount {count}" if isinstance(count, int) else ""
        return f"{detail['reference_type']} {detail.get('reference_id', '')}".strip() + refcount
    if "was" in detail and "is" in detail:
        what = f"{detail['what']} " if isinstance(detail.get("what"), str) else ""
        return f"{what}from {detail['was']} to {detail['is']}"
    if "from" in detail and "to" in detail:
        return f"from {_describe_place(detail['from'])} to {_describe_place(detail['to'])}"
    return format_size(detail["size_bytes"]) if isinstance(detail.get("size_bytes"), int) else ""


def _describe_place(uri: Any) -> str:
    return PLACES.get(str(uri).partition("://")[0], str(uri))
