"""Published results of trials, and their validation errors."""

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Now

from ncfd_site.core.fields import BigForeignKey, LineField, NumericField


class Study(models.Model):
    """A published result of a trial (press release, abstract, paper, registry result) with its study card."""

    study_id = models.BigAutoField("study", primary_key=True, help_text="Number of the study, from the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="studies", help_text="The trial it reports.")
    doc_type = LineField("document type", help_text="What sort of publication it is.")
    citation = LineField("citation", null=True, blank=True, help_text="How it is cited.")
    year = models.IntegerField("year", help_text="Year of publication.")
    url = LineField("URL", null=True, blank=True, help_text="Where it can be read.")
    oa_status = LineField(
        "open-access status", db_default="unknown", help_text="Whether the full text may be read freely."
    )
    extracted_jsonb = models.JSONField(
        "study card",
        null=True,
        blank=True,
        help_text="What was read out of the publication: endpoints, sample size, populations, results.",
    )
    coverage_level = LineField(
        "coverage", null=True, blank=True, help_text="How much of the card the publication lets one fill."
    )
    notes_md = models.TextField("notes", null=True, blank=True, help_text="What somebody added, in Markdown.")
    object = models.ForeignKey(
        "storage.StorageObject",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="studies",
        help_text="Its bytes in the content store.",
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the study was first known.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")
    # For documentation only: the database's expression also handles text such as "<0.05", on which this cast fails.
    p_value = models.GeneratedField(
        verbose_name="p-value",
        expression=Cast(KT("extracted_jsonb__results__primary__0__p_value"), NumericField()),
        output_field=NumericField(),
        db_persist=True,
        null=True,
        help_text="p-value of the first primary result on the card, where it is a number; the database keeps it.",
    )

    class Meta:
        managed = False
        db_table = "studies"
        ordering = ["-study_id"]
        verbose_name = "study"
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return f"{self.doc_type} {self.year}, trial {self.trial_id}"


class StagingError(models.Model):
    """A validation error: missing fields in the card of a pivotal trial, or an error reported by a pipeline."""

    id = models.BigAutoField("error", primary_key=True, help_text="Number of the error, from the database.")
    trial = BigForeignKey(
        "signals.Trial",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="staging_errors",
        help_text="The trial that it is about.",
    )
    study = models.ForeignKey(
        Study,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="staging_errors",
        help_text="The study that it is about.",
    )
    error_type = LineField("kind of error", help_text="pivotal_validation for an incomplete card of a pivotal trial.")
    error_message = models.TextField("message", help_text="What is wrong; names every missing field of a card.")
    extracted_jsonb = models.JSONField(
        "study card", null=True, blank=True, help_text="The card as it was when the error was recorded."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the error was recorded.")

    class Meta:
        managed = False
        db_table = "staging_errors"
        ordering = ["-id"]
        verbose_name = "validation error"

    def __str__(self) -> str:
        return f"{self.error_type}: {self.error_message[:80]}"
