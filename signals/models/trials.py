"""Trials of the registry, with the versions of their records."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Trial(models.Model):
    """A trial at ClinicalTrials.gov, as in the latest imported record."""

    trial_id = models.AutoField("trial", primary_key=True, help_text="Identifier, assigned by the database.")
    nct_id = models.CharField("NCT ID", unique=True, help_text="Identifier at ClinicalTrials.gov, such as NCT00000561.")
    sponsor_text = models.CharField(
        "sponsor", null=True, blank=True, help_text="Lead sponsor as in the registry record."
    )
    sponsor_company = models.ForeignKey(
        "securities.Company",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="sponsored_trials",
        help_text="Company of the sponsor; NULL if none or several match.",
    )
    phase = models.CharField(
        "phase", null=True, blank=True, help_text="Phases as in the registry record, such as PHASE2/PHASE3."
    )
    indication = models.CharField("indication", null=True, blank=True, help_text="Conditions, separated by semicolons.")
    is_pivotal = models.BooleanField(
        "pivotal", help_text="Whether approval depends on the trial; the loader sets it for phase 3 and phase 2/3."
    )
    primary_endpoint_text = models.CharField(
        "primary endpoint", null=True, blank=True, help_text="Primary outcomes in the current record."
    )
    est_primary_completion_date = models.DateField(
        "primary completion",
        null=True,
        blank=True,
        help_text="Planned or actual date of the last primary outcome measurement.",
    )
    status = models.CharField("status", null=True, blank=True, help_text="Overall status in the registry.")
    first_posted_date = models.DateField(
        "first posted", null=True, blank=True, help_text="When the record was first posted."
    )
    last_update_posted_date = models.DateField(
        "last update posted", null=True, blank=True, help_text="When the last update was posted."
    )
    intervention_types = ArrayField(
        models.CharField(),
        verbose_name="intervention types",
        null=True,
        blank=True,
        help_text="Types of intervention, such as DRUG or BIOLOGICAL.",
    )
    last_seen_at = models.DateTimeField("last seen", help_text="When the record was last imported, changed or not.")
    current_sha256 = models.CharField(
        "SHA-256 of the record",
        max_length=64,
        null=True,
        blank=True,
        help_text="Hash of the latest record; each change adds a version.",
    )

    class Meta:
        managed = False
        db_table = "trials"
        ordering = ["nct_id"]
        verbose_name = "trial"

    def __str__(self) -> str:
        return self.nct_id


# Order of the versions `v` of a trial, the earliest first: as the registry posted them. A capture without a date comes
# after the dated ones that were captured before it.
VERSION_ORDER = (
    "coalesce(v.last_update_posted_date, (SELECT max(dated.last_update_posted_date) FROM trial_versions dated"
    " WHERE dated.trial_id = v.trial_id AND dated.captured_at <= v.captured_at), '-infinity'), v.captured_at, v.sha256"
)


class TrialVersion(models.Model):
    """A captured version of a trial's registry record, with the changes since the previous capture."""

    trial_version_id = models.AutoField("version", primary_key=True, help_text="Identifier, assigned by the database.")
    trial = models.ForeignKey(Trial, models.DO_NOTHING, related_name="versions", help_text="The trial.")
    captured_at = models.DateTimeField("captured", help_text="When the record was captured.")
    last_update_posted_date = models.DateField(
        "last update posted", null=True, blank=True, help_text="When the update was posted, according to the record."
    )
    raw_jsonb = models.JSONField("record", help_text="Record of the registry, unchanged.")
    primary_endpoint_text = models.CharField(
        "primary endpoint", null=True, blank=True, help_text="Primary outcomes in this version."
    )
    sample_size = models.IntegerField(
        "sample size", null=True, blank=True, help_text="Number of participants, planned or actual."
    )
    analysis_plan_text = models.CharField(
        "analysis plan", null=True, blank=True, help_text="Analysis plan in the record."
    )
    changes_jsonb = models.JSONField(
        "changes", null=True, blank=True, help_text="Differences from the previous version, by field."
    )
    sha256 = models.CharField("SHA-256", max_length=64, help_text="Hash of the record; unique within the trial.")
    changed_primary_endpoint = models.BooleanField(
        "primary endpoint changed", null=True, blank=True, help_text="Whether the primary outcomes changed."
    )
    changed_sample_size = models.BooleanField(
        "sample size changed", null=True, blank=True, help_text="Whether the sample size changed."
    )
    sample_size_delta = models.IntegerField(
        "sample size change", null=True, blank=True, help_text="Change in the number of participants."
    )
    changed_analysis_plan = models.BooleanField(
        "analysis plan changed", null=True, blank=True, help_text="Whether the analysis plan changed."
    )

    class Meta:
        managed = False
        db_table = "trial_versions"
        ordering = ["trial_id", "captured_at"]
        verbose_name = "trial version"
        constraints = [models.UniqueConstraint(fields=["trial", "sha256"], name="uq_trial_version_hash")]

    def __str__(self) -> str:
        return f"trial {self.trial_id} as of {self.captured_at:%Y-%m-%d}"


class RegistryHistoryVersion(models.Model):
    """An entry of the registry's version list; the version itself may not be captured."""

    pk = models.CompositePrimaryKey("trial_id", "version_rank")
    trial = models.ForeignKey(Trial, models.DO_NOTHING, related_name="list_registry_history", help_text="The trial.")
    version_rank = models.IntegerField("version", help_text="Position in the registry's list.")
    submitted_date = models.DateField(
        "submitted", null=True, blank=True, help_text="When the sponsor submitted the version."
    )
    url = models.CharField("URL", null=True, blank=True, help_text="URL of the version at the registry.")

    class Meta:
        managed = False
        db_table = "ctgov_history_versions"
        ordering = ["trial_id", "version_rank"]
        verbose_name = "registry history entry"
        verbose_name_plural = "registry history"

    def __str__(self) -> str:
        return f"trial {self.trial_id}, version {self.version_rank}"
