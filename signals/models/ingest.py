"""State and runs of the loaders."""

from django.db import models


class IngestState(models.Model):
    """Progress of the ClinicalTrials.gov import; a single row."""

    id = models.BooleanField("row", primary_key=True, help_text="Always true: the table has at most one row.")
    cursor_last_update_posted = models.DateField(
        "imported through", null=True, blank=True, help_text="Updates posted through this day are imported."
    )
    last_run_at = models.DateTimeField("last run", null=True, blank=True, help_text="When the loader last ran.")

    class Meta:
        managed = False
        db_table = "ctgov_ingest_state"
        verbose_name = "ingest state"

    def __str__(self) -> str:
        return f"imported through {self.cursor_last_update_posted or 'no day yet'}"


class IngestRun(models.Model):
    """A run of a loader."""

    run_id = models.AutoField("run", primary_key=True, help_text="Identifier, assigned by the database.")
    source = models.CharField("source", help_text="Loader or registry.")
    started_at = models.DateTimeField("started", help_text="When the run started.")
    finished_at = models.DateTimeField(
        "finished", null=True, blank=True, help_text="When it finished; NULL while it runs, or if it was interrupted."
    )
    since_date = models.DateField("since", null=True, blank=True, help_text="First day of the imported updates.")
    until_date = models.DateField("until", null=True, blank=True, help_text="Last day of the imported updates.")
    total_returned = models.IntegerField(
        "returned", null=True, blank=True, help_text="Number of records from the source."
    )
    total_processed = models.IntegerField("processed", null=True, blank=True, help_text="Number of records processed.")
    notes = models.CharField("notes", null=True, blank=True, help_text="Outcome in words.")

    class Meta:
        managed = False
        db_table = "ingest_runs"
        ordering = ["-run_id"]
        verbose_name = "ingest run"

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.source}"
