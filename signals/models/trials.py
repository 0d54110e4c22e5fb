"""Trials of the registry, and the versions of their records."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Trial(models.Model):
    """A trial of ClinicalTrials.gov, as in its latest record."""

    trial_id = models.AutoField("trial", primary_key=True, help_text="Number of the trial, from the database.")
    nct_id = models.CharField(
        "NCT number", unique=True, help_text="Its number at ClinicalTrials.gov, such as NCT00000561."
    )
    sponsor_text = models.CharField(
        "sponsor", null=True, blank=True, help_text="Lead sponsor as the registry names it."
    )
    sponsor_company = models.ForeignKey(
        "securities.Company",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="sponsored_trials",
        help_text="The company that the sponsor is; empty where none fits, or more than one.",
    )
    phase = models.CharField(
        "phase", null=True, blank=True, help_text="Phases as the registry writes them, such as PHASE2/PHASE3."
    )
    indication = models.CharField(
        "indication", null=True, blank=True, help_text="Conditions that it studies, several with semicolons between."
    )
    is_pivotal = models.BooleanField(
        "pivotal", help_text="Whether approval is to rest on it; the loader takes phase 3 and phase 2/3 for it."
    )
    primary_endpoint_text = models.CharField(
        "primary endpoint", null=True, blank=True, help_text="Primary outcomes as registered now."
    )
    est_primary_completion_date = models.DateField(
        "primary completion",
        null=True,
        blank=True,
        help_text="When the last primary outcome is, or was, to be measured.",
    )
    status = models.CharField("status", null=True, blank=True, help_text="Overall status at the registry.")
    first_posted_date = models.DateField(
        "first posted", null=True, blank=True, help_text="When the record went public."
    )
    last_update_posted_date = models.DateField(
        "last update posted", null=True, blank=True, help_text="When its last change went public."
    )
    intervention_types = ArrayField(
        models.CharField(),
        verbose_name="intervention types",
        null=True,
        blank=True,
        help_text="Kinds of intervention, such as DRUG or BIOLOGICAL.",
    )
    last_seen_at = models.DateTimeField("last seen", help_text="When the record was last read, changed or not.")
    current_sha256 = models.CharField(
        "SHA-256 of the record",
        max_length=64,
        null=True,
        blank=True,
        help_text="Hash of the record as last read; a version is kept whenever it changes.",
    )

    class Meta:
        managed = False
        db_table = "trials"
        ordering = ["nct_id"]
        verbose_name = "trial"

    def __str__(self) -> str:
        return self.nct_id


class TrialVersion(models.Model):
    """A captured version of a registry record, with its changes since the version before."""

    trial_version_id = models.AutoField("version", primary_key=True, help_text="Number of the version.")
    trial = models.ForeignKey(Trial, models.DO_NOTHING, related_name="versions", help_text="The trial.")
    captured_at = models.DateTimeField("captured", help_text="When the record was read.")
    last_update_posted_date = models.DateField(
        "last update posted", null=True, blank=True, help_text="When the change went public, by the record itself."
    )
    raw_jsonb = models.JSONField("record", help_text="The record as the registry gave it.")
    primary_endpoint_text = models.CharField(
        "primary endpoint", null=True, blank=True, help_text="Primary outcomes in this version."
    )
    sample_size = models.IntegerField(
        "sample size", null=True, blank=True, help_text="Participants, planned or actual."
    )
    analysis_plan_text = models.CharField(
        "analysis plan", null=True, blank=True, help_text="What the record says of the analysis."
    )
    changes_jsonb = models.JSONField(
        "changes", null=True, blank=True, help_text="What differs from the version before, field by field."
    )
    sha256 = models.CharField("SHA-256", max_length=64, help_text="Hash of the record; unique for the trial.")
    changed_primary_endpoint = models.BooleanField(
        "primary endpoint changed", null=True, blank=True, help_text="Whether the primary outcomes differ."
    )
    changed_sample_size = models.BooleanField(
        "sample size changed", null=True, blank=True, help_text="Whether the sample size differs."
    )
    sample_size_delta = models.IntegerField(
        "change of sample size", null=True, blank=True, help_text="Participants more (or, negative, fewer) than before."
    )
    changed_analysis_plan = models.BooleanField(
        "analysis plan changed", null=True, blank=True, help_text="Whether the analysis plan differs."
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
    """An entry of the registry's own list of record versions; the record may not have been captured."""

    pk = models.CompositePrimaryKey("trial_id", "version_rank")
    trial = models.ForeignKey(Trial, models.DO_NOTHING, related_name="registry_history", help_text="The trial.")
    version_rank = models.IntegerField("version", help_text="Place of the version in the registry's list.")
    submitted_date = models.DateField("submitted", null=True, blank=True, help_text="When the sponsor submitted it.")
    url = models.CharField("URL", null=True, blank=True, help_text="Where the registry shows it.")

    class Meta:
        managed = False
        db_table = "ctgov_history_versions"
        ordering = ["trial_id", "version_rank"]
        verbose_name = "registry history entry"
        verbose_name_plural = "registry history"

    def __str__(self) -> str:
        return f"trial {self.trial_id}, version {self.version_rank}"
