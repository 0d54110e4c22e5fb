"""Signals, evaluations, gates, scores, and the current score of each trial."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import FROM_0_TO_1, BigForeignKey


class Signal(models.Model):
    """A warning sign that fired for a trial; each of the nine at most once."""

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

    signal_id = models.BigAutoField("signal", primary_key=True, help_text="Number of the row, from the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="signals", help_text="The trial.")
    s_id = models.CharField(
        "code", max_length=10, db_column="S_id", choices=Code, help_text="Which of the nine signals it is, S1 to S9."
    )
    value = models.DecimalField(
        "value",
        max_digits=10,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="What was measured, in the unit of the signal: power, p-value, difference.",
    )
    severity = models.CharField("severity", max_length=1, choices=Severity, help_text="H high, M medium, L low.")
    evidence_span = models.TextField("evidence", null=True, blank=True, help_text="The words that it rests on.")
    source_study = models.ForeignKey(
        "signals.Study",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="signals",
        help_text="The study that it was found in.",
    )
    fired_at = models.DateTimeField("fired", db_default=Now(), help_text="When it fired.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="What else the evaluation knew.")

    class Meta:
        managed = False
        db_table = "signals"
        ordering = ["trial_id", "s_id"]
        verbose_name = "signal"
        constraints = [models.UniqueConstraint(fields=["trial", "s_id"], name="ix_signals_trial_s_id")]

    def __str__(self) -> str:
        return f"{self.s_id} ({self.severity}) for trial {self.trial_id}"


class Gate(models.Model):
    """A combination of signals that multiplies the odds of failure if it fires."""

    class Code(models.TextChoices):
        G1 = "G1", "G1 Alpha-Meltdown"
        G2 = "G2", "G2 Analysis-Gaming"
        G3 = "G3", "G3 Plausibility"
        G4 = "G4", "G4 p-Hacking"

    gate_id = models.BigAutoField("gate", primary_key=True, help_text="Number of the row, from the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="gates", help_text="The trial.")
    g_id = models.CharField(
        "code", max_length=10, db_column="G_id", choices=Code, help_text="Which of the four gates it is, G1 to G4."
    )
    fired_bool = models.BooleanField("fired", help_text="Whether its rule holds.")
    supporting_s_ids = ArrayField(
        models.CharField(max_length=10),
        verbose_name="supporting signals",
        db_column="supporting_S_ids",
        null=True,
        blank=True,
        help_text="Codes of the signals that support it.",
    )
    lr_used = models.DecimalField(
        "likelihood ratio",
        max_digits=10,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="By what the odds of failure are multiplied; empty where it did not fire.",
    )
    rationale_text = models.TextField(
        "rationale", null=True, blank=True, help_text="Why it fired or did not, in words."
    )
    evaluated_at = models.DateTimeField("evaluated", db_default=Now(), help_text="When it was evaluated.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="What else the evaluation knew.")

    class Meta:
        managed = False
        db_table = "gates"
        ordering = ["trial_id", "g_id"]
        verbose_name = "gate"
        constraints = [models.UniqueConstraint(fields=["trial", "g_id"], name="ix_gates_trial_g_id")]

    def __str__(self) -> str:
        return f"{self.g_id} {'fired' if self.fired_bool else 'did not fire'} for trial {self.trial_id}"


class Score(models.Model):
    """Probability of failure of a trial, computed by one run."""

    score_id = models.BigAutoField("score", primary_key=True, help_text="Number of the row, from the database.")
    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="scores", help_text="The trial.")
    run_id = models.CharField("run", max_length=50, help_text="The run that scored; one score for each trial and run.")
    prior_pi = models.DecimalField(
        "prior probability",
        max_digits=6,
        decimal_places=5,
        validators=FROM_0_TO_1,
        help_text="Probability of failure before any gate, kept within 0.01 and 0.99.",
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
        help_text="Prior log-odds and that sum together, kept within -8 and 8.",
    )
    p_fail = models.DecimalField(
        "probability of failure",
        max_digits=6,
        decimal_places=5,
        validators=FROM_0_TO_1,
        help_text="1 / (1 + e^-posterior log-odds); a stop rule raises it to 0.97 at least.",
    )
    features_frozen_at = models.DateTimeField(
        "features frozen",
        null=True,
        blank=True,
        help_text="What became known later does not count: 14 days before readout.",
    )
    scored_at = models.DateTimeField(
        "scored",
        db_default=Now(),
        help_text="The moment that the score is of: when it was reckoned, or the run's date.",
    )
    metadata = models.JSONField(
        "metadata",
        blank=True,
        db_default={},
        help_text="What the run saw: signals, gates with their ratios, stop rules, version of the table of ratios.",
    )

    class Meta:
        managed = False
        db_table = "scores"
        ordering = ["-scored_at"]
        verbose_name = "score"
        constraints = [models.UniqueConstraint(fields=["trial", "run_id"], name="ix_scores_trial_run")]

    def __str__(self) -> str:
        return f"{self.p_fail} for trial {self.trial_id} in run {self.run_id}"


class SignalEvaluation(models.Model):
    """Result of evaluating a signal for a trial; a row for each change of the result."""

    class Outcome(models.TextChoices):
        FIRED = "fired", "fired"
        NOT_FIRED = "not fired", "did not fire"
        NOT_EVALUATED = "not evaluated", "was not evaluated"

    evaluation_id = models.BigAutoField("evaluation", primary_key=True, help_text="Number of the row.")
    trial = models.ForeignKey("signals.Trial", models.DO_NOTHING, related_name="evaluations", help_text="The trial.")
    s_id = models.TextField("code", choices=Signal.Code, help_text="Which of the nine signals it is, S1 to S9.")
    outcome = models.TextField(
        "outcome", choices=Outcome, help_text="fired; not fired; or not evaluated, because something is missing."
    )
    reason = models.TextField("reason", help_text="Why, in a sentence.")
    evidence = models.JSONField(
        "evidence", blank=True, db_default={}, help_text="What was looked at: versions, fields and their values."
    )
    evaluated_at = models.DateTimeField("evaluated", db_default=Now(), help_text="When it was evaluated.")
    evaluated_by = models.TextField("evaluated by", help_text="The command or pipeline, with the version of its rule.")

    class Meta:
        managed = False
        db_table = "signal_evaluations"
        ordering = ["trial_id", "s_id", "-evaluated_at"]
        verbose_name = "signal evaluation"
        constraints = [
            models.UniqueConstraint(fields=["trial", "s_id", "evaluated_at"], name="uq_signal_evaluations_moment")
        ]

    def __str__(self) -> str:
        return f"{self.s_id} {self.outcome} for trial {self.trial_id}"


class TrialCurrentScore(models.Model):
    """The current score of a trial and the one before, maintained by the database."""

    trial = models.OneToOneField(
        "signals.Trial", models.DO_NOTHING, primary_key=True, related_name="current_score", help_text="The trial."
    )
    score_id = models.BigIntegerField("score", null=True, help_text="Its latest score; empty where it has none.")
    run_id = models.TextField("run", null=True, help_text="The run of that score.")
    scored_at = models.DateTimeField("scored", null=True, help_text="The moment that the score is of.")
    p_fail = models.DecimalField(
        "probability of failure", max_digits=6, decimal_places=5, null=True, help_text="The latest one."
    )
    previous_run_id = models.TextField("run before", null=True, help_text="The run of the score before.")
    previous_p_fail = models.DecimalField(
        "probability before", max_digits=6, decimal_places=5, null=True, help_text="The probability of that score."
    )
    change = models.GeneratedField(
        verbose_name="change",
        expression=models.F("p_fail") - models.F("previous_p_fail"),
        output_field=models.DecimalField(max_digits=6, decimal_places=5),
        db_persist=True,
        null=True,
        help_text="The latest probability minus the one before; the database keeps it.",
    )
    sponsor_company = models.ForeignKey(
        "securities.Company", models.DO_NOTHING, null=True, related_name="+", db_constraint=False,
        help_text="The company of the trial's sponsor, as the trial has it.",
    )  # fmt: skip

    class Meta:
        managed = False
        db_table = "trial_current_scores"
        ordering = [models.F("p_fail").desc(nulls_last=True), "trial_id"]
        verbose_name = "current score"

    def __str__(self) -> str:
        return f"{self.p_fail if self.p_fail is not None else 'not scored'} for trial {self.trial_id}"
