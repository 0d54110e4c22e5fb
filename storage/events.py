"""What was done to content, in words."""

from typing import Any

from ncfd_site.core.formatting import format_size
from storage.models import StorageEvent

ACTIONS = {
    "reference_added": "reference added",
    "reference_released": "reference released",
    "count_corrected": "count brought right",
    "object_deleted": "object deleted",
    "bytes_deleted": "bytes deleted",
    "moved": "moved",
    "repaired": "repaired",
}


def action_in_words(action: str) -> str:
    """Return an act as people say it; an act that is not known stays as it is."""
    return ACTIONS.get(action, action)


def event_in_words(event: StorageEvent) -> str:
    """Return what an event did, with what its detail tells: which reference, from where to where, how many bytes."""
    told = _told(event.detail if isinstance(event.detail, dict) else {})
    return f"{action_in_words(event.action)}: {told}" if told else action_in_words(event.action)


def _told(detail: dict[str, Any]) -> str:
    if "reference_type" in detail:
        count = detail.get("refcount")
        left = f", {count} then" if isinstance(count, int) else ""
        return f"{detail['reference_type']} {detail.get('reference_id', '')}".strip() + left
    if "was" in detail and "is" in detail:
        what = f"{detail['what']}, " if isinstance(detail.get("what"), str) else ""
        return f"{what}{detail['was']} before, {detail['is']} then"
    if "from" in detail and "to" in detail:
        return f"from {_place(detail['from'])} to {_place(detail['to'])}"
    if isinstance(detail.get("size_bytes"), int):
        return format_size(detail["size_bytes"])
    return ""


def _place(address: Any) -> str:
    return {"local": "the local disk", "s3": "S3"}.get(str(address).partition("://")[0], str(address))
