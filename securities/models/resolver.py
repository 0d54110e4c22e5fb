"""Tables of the sponsor resolver, which finds the company of a registry record's sponsor.

They are keyed by run and NCT ID: the resolver also handles records that are not loaded.
"""

from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import FROM_0_TO_1, BigForeignKey, LineField
from securities.models.companies import Company


class ResolverDecision(models.Model):
    """The company of a sponsor of one trial in one run, with the evidence."""

    class DecidedBy(models.TextChoices):
        AUTO = "auto", "automatic"
        HUMAN = "human", "a reviewer"
        LLM = "llm", "a language model"

    decision_id = models.BigAutoField("decision", primary_key=True, help_text="Number of the decision.")
    run_id = LineField("run", help_text="The run of the resolver.")
    nct_id = LineField("NCT number", help_text="The trial, by its number at ClinicalTrials.gov.")
    sponsor_text = LineField("sponsor", help_text="The sponsor as the registry names it.")
    sponsor_text_norm = LineField(
        "normalised sponsor", help_text="The sponsor in the form in which names are compared."
    )
    company = models.ForeignKey(
        Company,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="resolver_decisions",
        help_text="The company that was decided on; empty where there is none.",
    )
    match_type = LineField(
        "kind of match", help_text="How it was found: by rule, by exact name, by probability, or none."
    )
    p_match = models.FloatField(
        "probability of a match",
        null=True,
        blank=True,
        validators=FROM_0_TO_1,
        help_text="Probability that the match is right, from 0 to 1; empty where none was reckoned.",
    )
    top2_margin = models.FloatField(
        "margin over the second", null=True, blank=True, help_text="How far the best candidate lies above the next."
    )
    features_jsonb = models.JSONField("features", blank=True, db_default={}, help_text="What was compared, by name.")
    evidence_jsonb = models.JSONField("evidence", blank=True, db_default={}, help_text="What the decision rests on.")
    decided_by = LineField(
        "decided by", choices=DecidedBy, db_default=DecidedBy.AUTO, help_text="Who decided: auto, human, or llm."
    )
    decided_at = models.DateTimeField("decided", db_default=Now(), help_text="When it was decided.")
    notes_md = models.TextField("notes", null=True, blank=True, help_text="What somebody added, in Markdown.")

    class Meta:
        managed = False
        db_table = "resolver_decisions"
        ordering = ["-decision_id"]
        verbose_name = "resolver decision"
        constraints = [
            models.UniqueConstraint(fields=["run_id", "nct_id", "sponsor_text_norm"], name="uq_resolver_decision_key")
        ]

    def __str__(self) -> str:
        return f"{self.nct_id}, {self.sponsor_text}: {self.match_type}"


class ResolverRule(models.Model):
    """A pattern that resolves matching sponsors to one company."""

    pattern = LineField("pattern", primary_key=True, help_text="What the normalised sponsor is held against.")
    rule_id = models.BigIntegerField(
        "rule",
        db_default=models.Func(models.Value("resolver_det_rules_rule_id_seq"), function="nextval"),
        help_text="Number of the rule, from the database; not its key.",
    )
    company = BigForeignKey(
        Company, models.DO_NOTHING, related_name="resolver_rules", help_text="The company that a match stands for."
    )
    method = LineField(
        "method", db_default="regex", help_text="How the pattern is read: regex for a regular expression."
    )
    priority = models.IntegerField("priority", db_default=100, help_text="The higher, the sooner it is tried.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the rule was made.")

    class Meta:
        managed = False
        db_table = "resolver_det_rules"
        ordering = ["-priority", "rule_id"]
        verbose_name = "resolver rule"

    def __str__(self) -> str:
        return self.pattern


class ResolverFeature(models.Model):
    """A candidate company for the sponsor of one trial in one run, with compared features and score."""

    rf_id = models.BigAutoField("comparison", primary_key=True, help_text="Number of the comparison.")
    run_id = LineField("run", help_text="The run of the resolver.")
    nct_id = LineField("NCT number", help_text="The trial, by its number at ClinicalTrials.gov.")
    sponsor_text_norm = LineField(
        "normalised sponsor", help_text="The sponsor in the form in which names are compared."
    )
    company = models.ForeignKey(
        Company,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="resolver_features",
        help_text="The candidate.",
    )
    features_jsonb = models.JSONField("features", help_text="What was compared, by name, with its values.")
    score_precal = models.DecimalField(
        "raw score",
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Score of the model before it is calibrated.",
    )
    p_calibrated = models.FloatField(
        "calibrated probability", null=True, blank=True, help_text="Probability of a match, from 0 to 1."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the comparison was made.")

    class Meta:
        managed = False
        db_table = "resolver_features"
        ordering = ["-rf_id"]
        verbose_name = "resolver comparison"
        constraints = [
            models.UniqueConstraint(fields=["run_id", "nct_id", "company"], name="resolver_features_run_nct_cid_key")
        ]

    def __str__(self) -> str:
        candidate = f"company {self.company_id}" if self.company_id else "no company"
        return f"{self.nct_id}, {self.sponsor_text_norm}: {candidate}"


class ResolverFlag(models.Model):
    """A setting of the resolver, read at the start of a run."""

    key = LineField("flag", primary_key=True, help_text="Name of the switch.")
    value = LineField("value", help_text="How it is set, as text.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When it was first set.")

    class Meta:
        managed = False
        db_table = "resolver_flags"
        ordering = ["key"]
        verbose_name = "resolver flag"

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class ResolverIgnoredSponsor(models.Model):
    """A pattern of sponsors that are not companies, such as universities; the resolver skips them."""

    # The table has no primary key; its unique column is NOT NULL.
    pattern = LineField("pattern", primary_key=True, help_text="Regular expression over the sponsor.")
    comment = LineField("comment", null=True, blank=True, help_text="Which sponsors are meant.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the pattern was added.")

    class Meta:
        managed = False
        db_table = "resolver_ignore_sponsor"
        ordering = ["pattern"]
        verbose_name = "ignored sponsor"

    def __str__(self) -> str:
        return self.pattern


class ResolverLabel(models.Model):
    """A training example: the sponsor of this trial is, or is not, this company."""

    label_id = models.BigAutoField("label", primary_key=True, help_text="Number of the label, from the database.")
    nct_id = LineField("NCT number", help_text="The trial, by its number at ClinicalTrials.gov.")
    sponsor_text_norm = LineField(
        "normalised sponsor", help_text="The sponsor in the form in which names are compared."
    )
    company = models.ForeignKey(
        Company, models.DO_NOTHING, related_name="resolver_labels", help_text="The company of the example."
    )
    is_match = models.BooleanField("match", help_text="Whether the sponsor is that company.")
    source = LineField("source", help_text="Where the label comes from.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the label was given.")

    class Meta:
        managed = False
        db_table = "resolver_labels"
        ordering = ["-label_id"]
        verbose_name = "resolver label"

    def __str__(self) -> str:
        return f"{self.sponsor_text_norm} {'is' if self.is_match else 'is not'} company {self.company_id}"


class ResolverLLMLog(models.Model):
    """A question to a language model about a sponsor, with its answer and outcome."""

    class DecisionMode(models.TextChoices):
        ACCEPT = "accept", "accepted"
        REVIEW = "review", "for review"
        REJECT = "reject", "rejected"

    llm_id = models.BigAutoField("question", primary_key=True, help_text="Number of the question, from the database.")
    run_id = LineField("run", help_text="The run of the resolver.")
    nct_id = LineField("NCT number", help_text="The trial, by its number at ClinicalTrials.gov.")
    sponsor_text = LineField("sponsor", help_text="The sponsor as the registry names it.")
    candidates = models.JSONField("candidates", help_text="The companies that were offered as answers.")
    prompt = models.TextField("prompt", help_text="The question as it was put.")
    response_json = models.JSONField("response", null=True, blank=True, help_text="The answer as it came.")
    decision_mode = LineField(
        "decision",
        choices=DecisionMode,
        null=True,
        blank=True,
        help_text="What was made of the answer: accept, review, or reject.",
    )
    confidence = models.DecimalField(
        "confidence",
        max_digits=6,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="How sure the model said it was.",
    )
    chosen_company_id = models.IntegerField(
        "chosen company", null=True, blank=True, help_text="The company that the answer names. No foreign key."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the question was put.")

    class Meta:
        managed = False
        db_table = "resolver_llm_logs"
        ordering = ["-llm_id"]
        verbose_name = "language model log entry"
        verbose_name_plural = "language model log"

    def __str__(self) -> str:
        return f"{self.nct_id}, {self.sponsor_text}: {self.decision_mode or 'no decision'}"


class ReviewQueueItem(models.Model):
    """A sponsor that the resolver could not resolve and that needs manual resolution."""

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        RESOLVED = "resolved", "resolved"
        SKIPPED = "skipped", "skipped"

    rq_id = models.BigAutoField("item", primary_key=True, help_text="Number of the item, from the database.")
    run_id = LineField("run", help_text="The run of the resolver.")
    nct_id = LineField("NCT number", help_text="The trial, by its number at ClinicalTrials.gov.")
    sponsor_text = LineField("sponsor", null=True, blank=True, help_text="The sponsor as the registry names it.")
    sponsor_text_norm = LineField(
        "normalised sponsor", null=True, blank=True, help_text="The sponsor in the form in which names are compared."
    )
    candidates = models.JSONField(
        "candidates", blank=True, db_default=[], help_text="The companies that come into question, the likeliest first."
    )
    reason = LineField("reason", null=True, blank=True, help_text="Why the resolver did not settle it.")
    status = LineField("status", choices=Status, db_default=Status.PENDING, help_text="pending, resolved, or skipped.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When it was put in the queue.")
    resolved_at = models.DateTimeField("resolved", null=True, blank=True, help_text="When a person settled it.")

    class Meta:
        managed = False
        db_table = "review_queue"
        ordering = ["-rq_id"]
        verbose_name = "sponsor review item"
        verbose_name_plural = "sponsor review queue"

    def __str__(self) -> str:
        return f"{self.nct_id}, {self.sponsor_text or 'no sponsor'}: {self.status}"
