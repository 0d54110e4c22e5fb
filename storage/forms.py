"""What operators send to start work on content."""

from typing import Any

from django import forms

from storage.buckets import GRACE_DAYS, KIB
from storage.cleaning import CleaningOptions
from storage.models import StorageObject
from storage.tiers import MoveOptions
from storage.verification import Check

CHECKS = {
    Check.COUNTS.value: "counts against references",
    Check.OWNERS.value: "owners that do not exist",
    Check.BYTES.value: "rows against bytes and their sizes",
    Check.HASHES.value: "bytes against their hashes",
    Check.ORPHANS.value: "bytes without a row",
}
LONGEST_DAYS = 36_500


class WorkForm(forms.Form):
    """A form of the page of content; its fields have names of their own beside those of the other forms there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        kwargs.setdefault("auto_id", f"id_{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)


class CheckForm(WorkForm):
    """Which checks, and how much of the content they read."""

    only = forms.MultipleChoiceField(
        label="Checks",
        choices=list(CHECKS.items()),
        initial=list(CHECKS),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one check."},
    )
    sample = forms.FloatField(
        label="Share of the contents to look at, in percent", min_value=0.01, max_value=100, initial=100
    )


class CleanForm(WorkForm):
    """What counts as unused, how long its bytes stay, and what is too much."""

    grace_days = forms.IntegerField(
        label="Not used for, in days", min_value=0, max_value=LONGEST_DAYS, initial=GRACE_DAYS
    )
    keep_minutes = forms.IntegerField(
        label="Keep the bytes for, in minutes",
        min_value=0,
        max_value=LONGEST_DAYS * 24 * 60,
        initial=CleaningOptions().keep_minutes,
    )
    most_percent = forms.FloatField(
        label="Refuse to delete more than, in percent of all contents",
        min_value=0,
        max_value=100,
        initial=CleaningOptions().most_percent,
    )

    def options(self) -> CleaningOptions:
        """Return the options; only on a valid form."""
        return CleaningOptions(**self.cleaned_data)


class MoveForm(WorkForm):
    """Which content moves where; what is left empty does not matter."""

    to = forms.ChoiceField(
        label="Direction",
        initial=StorageObject.Tier.S3.value,
        choices=[
            (StorageObject.Tier.S3, "from the local disk to S3"),
            (StorageObject.Tier.LOCAL, "from S3 to the local disk"),
        ],
    )
    older_than_days = forms.IntegerField(
        label="Not used for, in days", min_value=0, max_value=LONGEST_DAYS, required=False
    )
    larger_than = forms.IntegerField(label="Larger than, in KiB", min_value=0, max_value=2**40, required=False)
    limit = forms.IntegerField(label="At most, in contents", min_value=1, max_value=2**31 - 1, required=False)

    def options(self) -> MoveOptions:
        """Return the options, sizes in bytes; only on a valid form."""
        given = self.cleaned_data
        larger = None if given["larger_than"] is None else given["larger_than"] * KIB
        return MoveOptions(
            to=given["to"], older_than_days=given["older_than_days"], larger_than=larger, limit=given["limit"]
        )


class ConfirmForm(forms.Form):
    """The box that somebody ticks who has read what will change."""

    confirm = forms.BooleanField(
        error_messages={"required": "Nothing was started: tick the box once you have read what would go."}
    )
