"""Signals, gates, scores, and the current score of each trial."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import FROM_0_TO_1, BigForeignKey


class Signal(models.Model):
    """A warning signal that fired for a trial; at most one row per signal.

    `S_id` is capitalized: quote it in SQL.
    """

    class Code(models.TextChoices):
        S1 = "S1", "S1 primary endpoint changed"
        S2 = "S2", "S2 underpowered pivotal trial"
        S3 = "S3", "S3 subgroup-only win without multiplicity control"
        S4 = "S4", "S4 intention-to-treat vs. per-protocol"
        S5 = "S5", "S5 implausible effect in a failing class"
        S6 = "S6", "S6 interim analyses without alpha spending"
        S7 = "S7", "S7 single arm where randomized is standard"
        S8 = "S8", "S8 p-value on the cusp"
        S9 = "S9", "S9 overall vs. progression-free survival"

    class Severity(models.TextChoices):
        HIGH = "H", "high"
        MEDIUM = "M", "medium"
        LOW = "L", "low"

    signal_id = models.BigAutoField("signal", primary_key=True, help_text="Identifier, assigned by the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="signals", help_text="The trial.")
    s_id = models.CharField(
        "code", max_length=10, db_column="S_id", choices=Code, help_text="Code of the signal, S1 to S9."
    )
    value = models.DecimalField(
        "value",
        max_digits=10,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Measured value in the unit of the signal: power, p-value, difference.",
    )
    severity = models.CharField("severity", max_length=1, choices=Severity, help_text="H high, M medium, L low.")
    evidence_span = models.TextField(
        "evidence", null=True, blank=True, help_text="Quoted text that supports the signal."
    )
    source_study = models.ForeignKey(
        "signals.Study",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="signals",
        help_text="Study that the signal was found in.",
    )
    fired_at = models.DateTimeField("fired", db_default=Now(), help_text="When it fired.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="Additional data from the evaluation.")

    class Meta:
        managed = False
        db_table = "signals"
        ordering = ["trial_id", "s_id"]
        verbose_name = "signal"
        constraints = [models.UniqueConstraint(fields=["trial", "s_id"], name="ix_signals_trial_s_id")]

    def __str__(self) -> str:
        return f"{self.s_id} ({self.severity}) for trial {self.trial_id}"


class Gate(models.Model):
    """A gate evaluated for a trial: a rule over signals that multiplies the odds of failure if it fires.

    `G_id` and `supporting_S_ids` are capitalized: quote them in SQL.
    """

    class Code(models.TextChoices):
        G1 = "G1", "G1 Alpha-Meltdown"
        G2 = "G2", "G2 Analysis-Gaming"
        G3 = "G3", "G3 Plausibility"
        G4 = "G4", "G4 p-Hacking"

    gate_id = models.BigAutoField("gate", primary_key=True, help_text="Identifier, assigned by the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="gates", help_text="The trial.")
    g_id = models.CharField(
        "code", max_length=10, db_column="G_id", choices=Code, help_text="Code of the gate, G1 to G4."
    )
    fired_bool = models.BooleanField("fired", help_text="Whether the gate fired.")
    supporting_s_ids = ArrayField(
        models.CharField(max_length=10),
        verbose_name="supporting signals",
        db_column="supporting_S_ids",
        null=True,
        blank=True,
        help_text="Codes of the supporting signals.",
    )
    lr_used = models.DecimalField(
        "likelihood ratio",
        max_digits=10,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Factor for the odds of failure; NULL if the gate did not fire.",
    )
    rationale_text = models.TextField("rationale", null=True, blank=True, help_text="Explanation of the result.")
    evaluated_at = models.DateTimeField("evaluated", db_default=Now(), help_text="When it was evaluated.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="Additional data from the evaluation.")

    class Meta:
        managed = False
        db_table = "gates"
        ordering = ["trial_id", "g_id"]
        verbose_name = "gate"
        constraints = [models.UniqueConstraint(fields=["trial", "g_id"], name="ix_gates_trial_g_id")]

    def __str__(self) -> str:
        return f"{self.g_id} {'fired' if self.fired_bool else 'did not fire'} for trial {self.trial_id}"


class ScoreRun(models.Model):
    """A run of score_trials. A run without a row is of another program, and counts as complete."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        COMPLETE = "complete", "complete"
        FAILED = "failed", "failed"

    run_id = models.TextField("run", primary_key=True, help_text="Name of the run, as in `scores`.")
    state = models.TextField(
        "state", choices=State, db_default=State.RUNNING,
        help_text="running, complete or failed. Only scores of complete runs are shown and become current.",
    )  # fmt: skip
    moment = models.DateTimeField(
        "moment", null=True, help_text="Time that the scores refer to; NULL until the run is complete."
    )
    table_version = models.TextField("table version", null=True, help_text="Version of the scoring table.")
    has_gates = models.BooleanField(
        "has gates", db_default=False,
        help_text="The run evaluated the gates. The latest of these runs owns the current gates.",
    )  # fmt: skip
    trial_count = models.BigIntegerField("trials", null=True, help_text="Number of scored trials.")
    started_at = models.DateTimeField(
        "started", null=True, db_default=Now(), help_text="Start of the last attempt; NULL if not recorded."
    )
    finished_at = models.DateTimeField("finished", null=True, help_text="End of the last attempt.")
    pruned_at = models.DateTimeField("pruned", null=True, help_text="When `prune` deleted scores of the run.")

    class Meta:
        managed = False
        db_table = "score_runs"
        ordering = [models.F("moment").desc(nulls_first=True), "run_id"]
        verbose_name = "scoring run"

    def __str__(self) -> str:
        return f"run {self.run_id}, {self.state}"


# For SQL that reads scores of several runs.
IS_IN_COMPLETE_RUN = "run_id <> ALL (ARRAY(SELECT r.run_id FROM score_runs r WHERE r.state <> 'complete'))"


class CompleteScores(models.Manager["Score"]):
    """The scores of complete runs."""

    def get_queryset(self) -> models.QuerySet["Score"]:
        """Return the scores without those of running and failed runs."""
        hidden = ScoreRun.objects.exclude(state=ScoreRun.State.COMPLETE).order_by()
        return super().get_queryset().exclude(run_id__in=hidden.values("run_id"))


class Score(models.Model):
    """The probability of failure of a trial, computed by one run."""

    score_id = models.BigAutoField("score", primary_key=True, help_text="Identifier, assigned by the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="scores", help_text="The trial.")
    run_id = models.CharField("run", max_length=50, help_text="Scoring run; one score per trial and run.")
    prior_pi = models.DecimalField(
        "prior probability",
        max_digits=6,
        decimal_places=5,
        validators=FROM_0_TO_1,
        help_text="Probability of failure before any gate, clamped to 0.01 and 0.99.",
    )
    logit_prior = models.DecimalField(
        "prior log-odds", max_digits=10, decimal_places=6, help_text="ln(prior / (1 - prior))."
    )
    sum_log_lr = models.DecimalField(
        "sum of log likelihood ratios",
        max_digits=10,
        decimal_places=6,
        help_text="Sum of ln(likelihood ratio) over the gates that fired.",
    )
    logit_post = models.DecimalField(
        "posterior log-odds",
        max_digits=10,
        decimal_places=6,
        help_text="logit_prior + sum_log_lr, clamped to -8 and 8.",
    )
    p_fail = models.DecimalField(
        "probability of failure",
        max_digits=6,
        decimal_places=5,
        validators=FROM_0_TO_1,
        help_text="1 / (1 + e^-logit_post); a stop rule raises it to at least 0.97.",
    )
    features_frozen_at = models.DateTimeField(
        "features frozen",
        null=True,
        blank=True,
        help_text="Cutoff for inputs: 14 days before the readout.",
    )
    scored_at = models.DateTimeField(
        "scored",
        db_default=Now(),
        help_text="Time that the score refers to: when it was computed, or the date of the run.",
    )
    metadata = models.JSONField(
        "metadata",
        blank=True,
        db_default={},
        help_text="Inputs of the run: signals, gates with ratios, stop rules, version of the scoring table.",
    )

    objects = CompleteScores()

    class Meta:
        managed = False
        db_table = "scores"
        ordering = ["-scored_at"]
        verbose_name = "score"
        constraints = [models.UniqueConstraint(fields=["trial", "run_id"], name="ix_scores_trial_run")]

    def __str__(self) -> str:
        return f"{self.p_fail} for trial {self.trial_id} in run {self.run_id}"


class SignalEvaluation(models.Model):
    """The outcome of evaluating a signal for a trial. A row is added only if outcome or reason changed."""

    class Outcome(models.TextChoices):
        FIRED = "fired", "fired"
        NOT_FIRED = "not fired", "not fired"
        NOT_EVALUATED = "not evaluated", "not evaluated"

    evaluation_id = models.BigAutoField(
        "evaluation", primary_key=True, help_text="Identifier, assigned by the database."
    )
    trial = models.ForeignKey("signals.Trial", models.DO_NOTHING, related_name="evaluations", help_text="The trial.")
    s_id = models.TextField("code", choices=Signal.Code, help_text="Code of the signal, S1 to S9.")
    outcome = models.TextField(
        "outcome", choices=Outcome, help_text="fired, not fired, or not evaluated (missing input)."
    )
    reason = models.TextField("reason", help_text="Explanation of the outcome.")
    evidence = models.JSONField(
        "evidence", blank=True, db_default={}, help_text="Inputs: versions, fields and their values."
    )
    evaluated_at = models.DateTimeField("evaluated", db_default=Now(), help_text="When it was evaluated.")
    evaluated_by = models.TextField("evaluated by", help_text="Command or pipeline, with the version of its rule.")

    class Meta:
        managed = False
        db_table = "signal_evaluations"
        ordering = ["trial_id", "s_id", "-evaluated_at"]
        verbose_name = "signal evaluation"
        constraints = [
            models.UniqueConstraint(fields=["trial", "s_id", "evaluated_at"], name="uq_signal_evaluations_evaluated_at")
        ]

    def __str__(self) -> str:
        return f"{self.s_id} {self.outcome} for trial {self.trial_id}"


class TrialCurrentScore(models.Model):
    """The current and the previous score of a trial, one row per trial, maintained by triggers.

    The current score is the one with the latest `scored_at`; of equal ones, the one written last.
    """

    trial = models.OneToOneField(
        "signals.Trial", models.DO_NOTHING, primary_key=True, related_name="current_score", help_text="The trial."
    )
    score_id = models.BigIntegerField("score", null=True, help_text="ID of the current score; NULL if not scored.")
    run_id = models.TextField("run", null=True, help_text="Run of the current score.")
    scored_at = models.DateTimeField("scored", null=True, help_text="Time that the current score refers to.")
    p_fail = models.DecimalField(
        "probability of failure", max_digits=6, decimal_places=5, null=True, help_text="Current probability of failure."
    )
    previous_run_id = models.TextField("previous run", null=True, help_text="Run of the previous score.")
    previous_p_fail = models.DecimalField(
        "previous probability",
        max_digits=6,
        decimal_places=5,
        null=True,
        help_text="Probability of failure of the previous score.",
    )
    change = models.GeneratedField(
        verbose_name="change",
        expression=models.F("p_fail") - models.F("previous_p_fail"),
        output_field=models.DecimalField(max_digits=6, decimal_places=5),
        db_persist=True,
        null=True,
        help_text="p_fail - previous_p_fail.",
    )
    sponsor_company = models.ForeignKey(
        "securities.Company", models.DO_NOTHING, null=True, related_name="+", db_constraint=False,
        help_text="Copied from the trial, so that an index has the trials of a company by risk.",
    )  # fmt: skip

    class Meta:
        managed = False
        db_table = "trial_current_scores"
        ordering = [models.F("p_fail").desc(nulls_last=True), "trial_id"]
        verbose_name = "current score"

    def __str__(self) -> str:
        return f"{self.p_fail if self.p_fail is not None else 'not scored'} for trial {self.trial_id}"
