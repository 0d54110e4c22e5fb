"""The version of the schema and the log of what `migrate_alembic` did."""

from django.db import models


class SchemaVersion(models.Model):
    """The revision that the database stands at: one row, once Alembic has been here."""

    version_num = models.CharField(
        "revision", max_length=255, primary_key=True, help_text="Id of the Alembic revision."
    )

    class Meta:
        managed = False
        db_table = "alembic_version"
        verbose_name = "schema version"

    def __str__(self) -> str:
        return self.version_num


class MigrationLog(models.Model):
    """One thing that `migrate_alembic` did to the schema, or tried to: when, by whom, and how it ended."""

    log_id = models.BigAutoField("log entry", primary_key=True, help_text="Number of the entry, from the database.")
    run_id = models.UUIDField("run", help_text="The call of the command; all that it did shares it.")
    revision = models.TextField(
        "revision", help_text="Id of the Alembic revision: the one that ran, or that the schema was held against."
    )
    action = models.TextField(
        "action",
        help_text="up: the revision was applied; down: taken back; adopt: the schema was found to be at it, and that "
        "was recorded; mend: something that was not as it says was put right; verify: the schema was held against it.",
    )
    file_sha256 = models.TextField(
        "SHA-256 of the file",
        null=True,
        blank=True,
        help_text="Hash of all that ran, so that a later edit shows; empty where no file runs: adopt, mend, verify.",
    )
    started_at = models.DateTimeField("started", help_text="When it began.")
    finished_at = models.DateTimeField(
        "finished", null=True, blank=True, help_text="When it ended; empty while it runs, or where it was cut off."
    )
    actor = models.TextField("actor", help_text="Database user who ran it.")
    host = models.TextField("host", help_text="Machine that the command ran on.")
    server_version = models.TextField("server version", help_text="Version of the PostgreSQL server.")
    code_version = models.TextField("code version", help_text="Version of Alembic, and the process that ran it.")
    outcome = models.TextField("outcome", help_text="How it ended: done or failed.")
    detail = models.TextField(
        "detail", null=True, blank=True, help_text="What went wrong, was adopted, was mended, or was verified."
    )

    class Meta:
        managed = False
        db_table = "alembic_migration_log"
        ordering = ["-log_id"]
        verbose_name = "migration log entry"
        verbose_name_plural = "migration log"

    def __str__(self) -> str:
        return f"{self.action} {self.revision}: {self.outcome}"
