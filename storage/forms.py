"""Forms that start maintenance."""

from typing import Any

from django import forms

from storage.garbage_collection import GcOptions
from storage.models import StorageObject
from storage.overview import GRACE_DAYS, KIB
from storage.tiers import MoveOptions
from storage.verification import Check

CHECK_LABELS = {
    Check.COUNTS.value: "Reference counts",
    Check.REFERRERS.value: "Referrers",
    Check.PRESENCE.value: "Presence and size",
    Check.HASHES.value: "Hashes",
    Check.ORPHANS.value: "Orphans",
}
MAX_DAYS = 36_500


class MaintenanceForm(forms.Form):
    """A form of the content page, with element IDs that are unique on the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        kwargs.setdefault("auto_id", f"id_{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)


class VerifyForm(MaintenanceForm):
    """Checks and sample of a verification."""

    only = forms.MultipleChoiceField(
        label="Checks",
        choices=list(CHECK_LABELS.items()),
        initial=list(CHECK_LABELS),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Select at least one check."},
    )
    sample = forms.FloatField(label="Sample (%)", min_value=0.01, max_value=100, initial=100)


class GcForm(MaintenanceForm):
    """Limits of a garbage collection."""

    grace_days = forms.IntegerField(label="Unused for (days)", min_value=0, max_value=MAX_DAYS, initial=GRACE_DAYS)
    retention_minutes = forms.IntegerField(
        label="Retention of data (minutes)",
        min_value=0,
        max_value=MAX_DAYS * 24 * 60,
        initial=GcOptions().retention_minutes,
    )
    max_delete_percent = forms.FloatField(
        label="Abort above (% of objects)", min_value=0, max_value=100, initial=GcOptions().max_delete_percent
    )

    def build_options(self) -> GcOptions:
        """Return the options of a valid form."""
        return GcOptions(**self.cleaned_data)


class MoveForm(MaintenanceForm):
    """Selection of objects to move; empty fields do not limit it."""

    to = forms.ChoiceField(
        label="Direction",
        initial=StorageObject.Tier.S3.value,
        choices=[
            (StorageObject.Tier.S3, "Local disk to S3"),
            (StorageObject.Tier.LOCAL, "S3 to local disk"),
        ],
    )
    older_than_days = forms.IntegerField(label="Unused for (days)", min_value=0, max_value=MAX_DAYS, required=False)
    larger_than = forms.IntegerField(label="Larger than (KiB)", min_value=0, max_value=2**40, required=False)
    limit = forms.IntegerField(label="Max. objects", min_value=1, max_value=2**31 - 1, required=False)

    def build_options(self) -> MoveOptions:
        """Return the options of a valid form, sizes in bytes."""
        larger = self.cleaned_data["larger_than"]
        return MoveOptions(**{**self.cleaned_data, "larger_than": None if larger is None else larger * KIB})


class ConfirmForm(forms.Form):
    """Confirmation of a previewed change."""

    confirm = forms.BooleanField(error_messages={"required": "Nothing was started. Confirm to continue."})
