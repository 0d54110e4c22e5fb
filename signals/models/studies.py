"""Published studies of trials, and validation errors of their study cards."""

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Now

from ncfd_site.core.fields import BigForeignKey, LineField, NumericField


class Study(models.Model):
    """A published result of a trial (press release, abstract, paper, registry result) with its study card.

    A trigger validates the card of a pivotal trial, see `enforce_pivotal_study_card`.
    """

    study_id = models.BigAutoField("study", primary_key=True, help_text="Identifier, assigned by the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="studies", help_text="The trial.")
    doc_type = LineField("document type", help_text="Type of publication.")
    citation = LineField("citation", null=True, blank=True, help_text="Citation of the publication.")
    year = models.IntegerField("year", help_text="Year of publication.")
    url = LineField("URL", null=True, blank=True, help_text="URL of the publication.")
    oa_status = LineField("open-access status", db_default="unknown", help_text="Open-access status of the full text.")
    extracted_jsonb = models.JSONField(
        "study card",
        null=True,
        blank=True,
        help_text="Data extracted from the publication: endpoints, sample size, populations, results.",
    )
    coverage_level = LineField(
        "coverage", null=True, blank=True, help_text="How much of the card the publication covers."
    )
    notes_md = models.TextField("notes", null=True, blank=True, help_text="Notes in Markdown.")
    object = models.ForeignKey(
        "storage.StorageObject",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="studies",
        help_text="Object with its bytes.",
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the study was added.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")
    # Documents the source only, since Django never writes the column. The expression in the database returns NULL for
    # text that is not a number, such as "<0.05"; this cast would fail.
    p_value = models.GeneratedField(
        verbose_name="p-value",
        expression=Cast(KT("extracted_jsonb__results__primary__0__p_value"), NumericField()),
        output_field=NumericField(),
        db_persist=True,
        null=True,
        help_text="results.primary[0].p_value of the card if it is a JSON number, or a string that is wholly a number "
        "('<0.05' is not); NULL otherwise.",
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
    """A validation error: missing fields of a pivotal trial's study card, or an error of a pipeline."""

    id = models.BigAutoField("error", primary_key=True, help_text="Identifier, assigned by the database.")
    trial = BigForeignKey(
        "signals.Trial",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="staging_errors",
        help_text="The trial.",
    )
    study = models.ForeignKey(
        Study,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="staging_errors",
        help_text="The study.",
    )
    error_type = LineField("error type", help_text="pivotal_validation for an incomplete card of a pivotal trial.")
    error_message = models.TextField("message", help_text="Message; lists every missing field of the card.")
    extracted_jsonb = models.JSONField(
        "study card", null=True, blank=True, help_text="Study card when the error was recorded."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the error was recorded.")

    class Meta:
        managed = False
        db_table = "staging_errors"
        ordering = ["-id"]
        verbose_name = "validation error"

    def __str__(self) -> str:
        return f"{self.error_type}: {self.error_message[:80]}"
