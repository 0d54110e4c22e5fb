"""Background jobs."""

from django.db import models
from django.db.models.functions import Now


class Job(models.Model):
    """One piece of long work that somebody started: what, how far, how it ended."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELED = "canceled", "canceled"

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
    canceled_by = models.TextField("canceled by", null=True, blank=True, help_text="Who asked for its end.")
    canceled_at = models.DateTimeField("canceled", null=True, blank=True, help_text="When its end was asked for.")
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
