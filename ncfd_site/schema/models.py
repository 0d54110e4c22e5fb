"""The schema version and the log of migrations."""

from django.db import models


class SchemaVersion(models.Model):
    """The current revision of the database: one row, written by Alembic."""

    version_num = models.CharField(
        "revision", max_length=255, primary_key=True, help_text="ID of the Alembic revision."
    )

    class Meta:
        managed = False
        db_table = "alembic_version"
        verbose_name = "schema version"

    def __str__(self) -> str:
        return self.version_num


class MigrationLog(models.Model):
    """An action of `migrate_alembic` on the schema, and its outcome.

    The command creates this table itself, outside of the revisions.
    """

    log_id = models.BigAutoField("log entry", primary_key=True, help_text="Identifier, assigned by the database.")
    run_id = models.UUIDField("run", help_text="Run of the command; all its actions share the value.")
    revision = models.TextField("revision", help_text="Revision that ran, or that the schema was compared with.")
    action = models.TextField(
        "action",
        help_text="up, down, adopt (recorded the revision of an existing schema), repair (corrected drift), or verify.",
    )
    file_sha256 = models.TextField(
        "SHA-256 of the file",
        null=True,
        blank=True,
        help_text="Hash of the executed files, to detect later edits; NULL for adopt, repair and verify.",
    )
    started_at = models.DateTimeField("started", help_text="When the action started.")
    finished_at = models.DateTimeField(
        "finished", null=True, blank=True, help_text="When it finished; NULL if it was interrupted."
    )
    actor = models.TextField("actor", help_text="Database user.")
    host = models.TextField("host", help_text="Host that the command ran on.")
    server_version = models.TextField("server version", help_text="Version of PostgreSQL.")
    code_version = models.TextField("code version", help_text="Version of Alembic, and the process ID.")
    outcome = models.TextField("outcome", help_text="Outcome: done or failed.")
    detail = models.TextField(
        "detail", null=True, blank=True, help_text="Error message, or what was adopted, repaired or verified."
    )

    class Meta:
        managed = False
        db_table = "alembic_migration_log"
        ordering = ["-log_id"]
        verbose_name = "migration log entry"
        verbose_name_plural = "migration log"

    def __str__(self) -> str:
        return f"{self.action} {self.revision}: {self.outcome}"
