"""The site's own tables: what `migrate_alembic` did, the long work that people started, and tokens of the API."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


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
    direction = models.TextField(
        "direction",
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
        return f"{self.direction} {self.revision}: {self.outcome}"


class Job(models.Model):
    """One piece of long work that somebody started: what, how far, how it ended."""

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    job_id = models.BigAutoField("job", primary_key=True, help_text="Number of the job, from the database.")
    kind = models.TextField("kind", help_text="What is done, by its name in the code.")
    arguments = models.JSONField("arguments", db_default={}, help_text="What it is done with.")
    exclusive = models.TextField(
        "excludes", null=True, blank=True, help_text="While this job is open, no other with the same word is taken."
    )
    state = models.TextField(
        "state", choices=State, db_default=State.QUEUED, help_text="Where it is on its way from waiting to its end."
    )
    requested_by = models.TextField("requested by", help_text="Username of the one who started it.")
    requested_at = models.DateTimeField("requested", db_default=Now(), help_text="When it was started.")
    started_at = models.DateTimeField(
        "begun", null=True, blank=True, help_text="When a worker first took it; empty while it waits."
    )
    finished_at = models.DateTimeField("ended", null=True, blank=True, help_text="When it ended, however it ended.")
    worker = models.TextField("worker", null=True, blank=True, help_text="The process that has it, or had it last.")
    lease_until = models.DateTimeField(
        "lease", null=True, blank=True, help_text="Until when the worker has it; another goes on with it afterwards."
    )
    attempts = models.IntegerField("attempts", db_default=0, help_text="How many times a worker took it.")
    step = models.TextField("step", db_default="", help_text="What is being done now, in words.")
    done = models.BigIntegerField("done", db_default=0, help_text="How much of the step is done, in units.")
    total = models.BigIntegerField(
        "total", null=True, blank=True, help_text="How much there is to do in the step, in units; empty where unknown."
    )
    unit = models.TextField("unit", db_default="", help_text="What is counted, in the plural.")
    checkpoint = models.JSONField(
        "checkpoint", db_default={}, help_text="Where to go on after an interruption, in the words of the kind."
    )
    cancelled_by = models.TextField("cancelled by", null=True, blank=True, help_text="Who asked for its end.")
    cancelled_at = models.DateTimeField("cancelled", null=True, blank=True, help_text="When its end was asked for.")
    result = models.JSONField("result", null=True, blank=True, help_text="What came out, in the words of the kind.")
    error = models.TextField("error", null=True, blank=True, help_text="Why it failed, as a sentence.")

    class Meta:
        managed = False
        db_table = "site_jobs"
        ordering = ["-job_id"]
        verbose_name = "job"
        constraints = [
            models.UniqueConstraint(
                fields=["exclusive"],
                condition=models.Q(state__in=["queued", "running"]),
                name="uq_site_jobs_exclusive",
            )
        ]

    def __str__(self) -> str:
        return f"job {self.job_id}: {self.kind}"


class ApiToken(models.Model):
    """With what a program reads the API in the name of a person. Of the token itself only the hash is kept."""

    token_id = models.BigAutoField("token", primary_key=True, help_text="Number of the token, from the database.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="api_tokens",
        help_text="The person in whose name it reads.",
    )
    name = models.TextField("name", help_text="What it is for.")
    token_sha256 = models.TextField("SHA-256 of the token", unique=True, help_text="Hash of the token.")
    created_at = models.DateTimeField("made", db_default=Now(), help_text="When it was made.")
    expires_at = models.DateTimeField("ends", help_text="From then on it is refused.")
    last_used_at = models.DateTimeField(
        "last used", null=True, blank=True, help_text="When it was last used, to the minute."
    )
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, help_text="When it was taken back.")

    class Meta:
        managed = False
        db_table = "site_api_tokens"
        ordering = ["-token_id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} of person {self.user_id}"
