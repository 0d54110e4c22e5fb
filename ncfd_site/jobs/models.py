"""Background jobs."""

from django.db import models
from django.db.models.functions import Now


class Job(models.Model):
    """A background job: its type, progress and result.

    Procrastinate gives the task of a job to a worker. When that is lost, another worker resumes from the checkpoint.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELED = "canceled", "canceled"

    job_id = models.BigAutoField("job", primary_key=True, help_text="Identifier, assigned by the database.")
    kind = models.TextField("kind", help_text="Name of the job type.")
    arguments = models.JSONField("arguments", db_default={}, help_text="Arguments of the job.")
    exclusive = models.TextField("lock", null=True, blank=True, help_text="No other open job may have the same value.")
    state = models.TextField(
        "state", choices=State, db_default=State.QUEUED, help_text="queued, running, done, failed, or canceled."
    )
    requested_by = models.TextField("requested by", help_text="Username of the requester.")
    requested_at = models.DateTimeField("requested", db_default=Now(), help_text="When the job was requested.")
    started_at = models.DateTimeField(
        "started", null=True, blank=True, help_text="When a worker first started it; NULL while queued."
    )
    finished_at = models.DateTimeField(
        "finished", null=True, blank=True, help_text="When it was done, failed or canceled."
    )
    worker = models.TextField("worker", null=True, blank=True, help_text="Process that runs it, or ran it last.")
    task_id = models.BigIntegerField(
        "task",
        null=True,
        blank=True,
        help_text="Row of procrastinate_jobs that may run it; deleted when that is finished.",
    )
    attempts = models.IntegerField("attempts", db_default=0, help_text="Number of times that a worker started it.")
    step = models.TextField("step", db_default="", help_text="Description of the current step.")
    done = models.BigIntegerField("done", db_default=0, help_text="Units done in the current step.")
    total = models.BigIntegerField(
        "total", null=True, blank=True, help_text="Total units of the step; NULL if unknown."
    )
    unit = models.TextField("unit", db_default="", help_text="Unit of progress, in the plural.")
    checkpoint = models.JSONField(
        "checkpoint", db_default={}, help_text="Where to resume after an interruption; the job type defines it."
    )
    canceled_by = models.TextField(
        "canceled by", null=True, blank=True, help_text="Username of the user who canceled it."
    )
    canceled_at = models.DateTimeField("canceled", null=True, blank=True, help_text="When cancellation was requested.")
    result = models.JSONField("result", null=True, blank=True, help_text="Result; the job type defines it.")
    error = models.TextField("error", null=True, blank=True, help_text="Why the job failed.")
    schedule = models.TextField("schedule", null=True, blank=True, help_text="Schedule of which it is a run.")

    # Whether a live worker runs it: the pages annotate it.
    is_held = True

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


class JobPart(models.Model):
    """A part of a running job that any worker can execute."""

    part_id = models.BigAutoField("part", primary_key=True, help_text="Identifier, assigned by the database.")
    job = models.ForeignKey(Job, models.DO_NOTHING, related_name="+", help_text="Job that has the part.")
    arguments = models.JSONField("arguments", help_text="Arguments of the part; the job type defines them.")
    snapshot = models.TextField("snapshot", db_default="", help_text="Snapshot that the part reads, empty if any.")
    result = models.JSONField("result", null=True, blank=True, help_text="Result; NULL until the part is done.")

    class Meta:
        managed = False
        db_table = "job_parts"
        ordering = ["part_id"]
        verbose_name = "part of a job"
        verbose_name_plural = "parts of jobs"

    def __str__(self) -> str:
        return f"part {self.part_id} of job {self.job_id}"


class JobSchedule(models.Model):
    """Periodic work that an operator has switched on or changed."""

    name = models.TextField("schedule", primary_key=True, help_text="Name of the default that it changes.")
    kind = models.TextField("kind", help_text="Name of the job type.")
    cron = models.TextField("cron", help_text="When it runs: minute, hour, day, month and weekday, in UTC.")
    arguments = models.JSONField("arguments", db_default={}, help_text="Arguments of its jobs.")
    next_at = models.DateTimeField("next run", null=True, blank=True, help_text="When it runs next; NULL while off.")
    problem = models.TextField("problem", db_default="", help_text="Why the last run did not start.")
    changed_by = models.TextField("changed by", help_text="Username of the user who changed it last.")
    changed_at = models.DateTimeField("changed", db_default=Now(), help_text="When it was changed last.")

    class Meta:
        managed = False
        db_table = "job_schedules"
        ordering = ["name"]
        verbose_name = "schedule"

    def __str__(self) -> str:
        return f"schedule {self.name}: {self.cron}"
