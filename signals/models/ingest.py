"""Runs of the loaders, and the state of the registry loader."""

from django.db import models


class IngestState(models.Model):
    """Date up to which ClinicalTrials.gov has been read; a single row."""

    id = models.BooleanField("the row", primary_key=True, help_text="Always true, so that there is one row only.")
    cursor_last_update_posted = models.DateField(
        "read up to", null=True, blank=True, help_text="Updates posted up to this day have been read."
    )
    last_run_at = models.DateTimeField("last run", null=True, blank=True, help_text="When the loader last ran.")

    class Meta:
        managed = False
        db_table = "ctgov_ingest_state"
        verbose_name = "ingest state"

    def __str__(self) -> str:
        return f"read up to {self.cursor_last_update_posted or 'nothing yet'}"


class IngestRun(models.Model):
    """One run of a loader: source, dates and counts."""

    run_id = models.AutoField("run", primary_key=True, help_text="Number of the run, from the database.")
    source = models.CharField("source", help_text="What was read: the loader or the registry.")
    started_at = models.DateTimeField("started", help_text="When the run began.")
    finished_at = models.DateTimeField(
        "finished", null=True, blank=True, help_text="When it ended; empty while it runs, or where it was cut off."
    )
    since_date = models.DateField(
        "since", null=True, blank=True, help_text="First day of the updates that the run covers."
    )
    until_date = models.DateField(
        "until", null=True, blank=True, help_text="Last day of the updates that the run covers."
    )
    total_returned = models.IntegerField("returned", null=True, blank=True, help_text="Records that the source gave.")
    total_processed = models.IntegerField("processed", null=True, blank=True, help_text="Records that were dealt with.")
    notes = models.CharField("notes", null=True, blank=True, help_text="What else the run tells of itself.")

    class Meta:
        managed = False
        db_table = "ingest_runs"
        ordering = ["-run_id"]
        verbose_name = "ingest run"

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.source}"
