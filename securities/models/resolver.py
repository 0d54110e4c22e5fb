"""Tables of the sponsor resolver, which finds the company of a trial's sponsor.

Their keys are run and NCT ID, not trial: the resolver also processes records that are not loaded.
"""

from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import FROM_0_TO_1, BigForeignKey, LineField
from securities.models.companies import Company


class ResolverDecision(models.Model):
    """Decision on the sponsor of a trial in one run: a company or none, with features and evidence."""

    class DecidedBy(models.TextChoices):
        AUTO = "auto", "automatic"
        HUMAN = "human", "a reviewer"
        LLM = "llm", "language model"

    decision_id = models.BigAutoField("decision", primary_key=True, help_text="Identifier, assigned by the database.")
    run_id = LineField("run", help_text="Run of the resolver.")
    nct_id = LineField("NCT ID", help_text="NCT ID of the trial.")
    sponsor_text = LineField("sponsor", help_text="Sponsor as in the registry record.")
    sponsor_text_norm = LineField("normalized sponsor", help_text="Sponsor in normalized form, for comparison.")
    company = models.ForeignKey(
        Company,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="resolver_decisions",
        help_text="Company of the decision; NULL if none.",
    )
    match_type = LineField("match type", help_text="How it was found: by rule, exact name or probability, or none.")
    p_match = models.FloatField(
        "match probability",
        null=True,
        blank=True,
        validators=FROM_0_TO_1,
        help_text="Probability of a match, from 0 to 1; NULL if not computed.",
    )
    top2_margin = models.FloatField(
        "margin", null=True, blank=True, help_text="Difference between the probabilities of the two best candidates."
    )
    features_jsonb = models.JSONField("features", blank=True, db_default={}, help_text="Compared features by name.")
    evidence_jsonb = models.JSONField("evidence", blank=True, db_default={}, help_text="Evidence of the decision.")
    decided_by = LineField("decided by", choices=DecidedBy, db_default=DecidedBy.AUTO, help_text="auto, human, or llm.")
    decided_at = models.DateTimeField("decided", db_default=Now(), help_text="When it was decided.")
    notes_md = models.TextField("notes", null=True, blank=True, help_text="Notes in Markdown.")

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
    """A deterministic rule: a sponsor that matches the pattern is this company."""

    pattern = LineField("pattern", primary_key=True, help_text="Pattern for the normalized sponsor.")
    rule_id = models.BigIntegerField(
        "rule",
        db_default=models.Func(models.Value("resolver_det_rules_rule_id_seq"), function="nextval"),
        help_text="Number of the rule, assigned by the database; not the primary key.",
    )
    company = BigForeignKey(Company, models.DO_NOTHING, related_name="resolver_rules", help_text="Company of a match.")
    method = LineField("method", db_default="regex", help_text="Type of pattern: regex for a regular expression.")
    priority = models.IntegerField(
        "priority", db_default=100, help_text="Rules with a higher priority are tried first."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the rule was created.")

    class Meta:
        managed = False
        db_table = "resolver_det_rules"
        ordering = ["-priority", "rule_id"]
        verbose_name = "resolver rule"

    def __str__(self) -> str:
        return self.pattern


class ResolverFeature(models.Model):
    """A candidate company for the sponsor of a trial in one run, with compared features and scores."""

    rf_id = models.BigAutoField("comparison", primary_key=True, help_text="Identifier, assigned by the database.")
    run_id = LineField("run", help_text="Run of the resolver.")
    nct_id = LineField("NCT ID", help_text="NCT ID of the trial.")
    sponsor_text_norm = LineField("normalized sponsor", help_text="Sponsor in normalized form, for comparison.")
    company = models.ForeignKey(
        Company,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="resolver_features",
        help_text="Candidate company.",
    )
    features_jsonb = models.JSONField("features", help_text="Compared features and their values, by name.")
    score_precal = models.DecimalField(
        "raw score",
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Score of the model before calibration.",
    )
    p_calibrated = models.FloatField(
        "calibrated probability", null=True, blank=True, help_text="Probability of a match, from 0 to 1."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the comparison was computed.")

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
    """A switch of the resolver, read at the start of a run.

    A new database has `probabilistic_disabled` = `true`, which disables the probabilistic step.
    """

    key = LineField("flag", primary_key=True, help_text="Name of the flag.")
    value = LineField("value", help_text="Value, as text.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the flag was added.")

    class Meta:
        managed = False
        db_table = "resolver_flags"
        ordering = ["key"]
        verbose_name = "resolver flag"

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class ResolverIgnoredSponsor(models.Model):
    """A pattern of sponsors that are not companies, such as universities. The resolver ignores them.

    The table has no primary key; the model uses `pattern`, which is unique and NOT NULL.
    """

    pattern = LineField("pattern", primary_key=True, help_text="Regular expression for the sponsor.")
    comment = LineField("comment", null=True, blank=True, help_text="Description of the sponsors.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the pattern was added.")

    class Meta:
        managed = False
        db_table = "resolver_ignore_sponsor"
        ordering = ["pattern"]
        verbose_name = "ignored sponsor"

    def __str__(self) -> str:
        return self.pattern


class ResolverLabel(models.Model):
    """A training example: the sponsor of a trial is, or is not, a company."""

    label_id = models.BigAutoField("label", primary_key=True, help_text="Identifier, assigned by the database.")
    nct_id = LineField("NCT ID", help_text="NCT ID of the trial.")
    sponsor_text_norm = LineField("normalized sponsor", help_text="Sponsor in normalized form, for comparison.")
    company = models.ForeignKey(
        Company, models.DO_NOTHING, related_name="resolver_labels", help_text="Company of the example."
    )
    is_match = models.BooleanField("match", help_text="Whether the sponsor is that company.")
    source = LineField("source", help_text="Source of the label.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the label was added.")

    class Meta:
        managed = False
        db_table = "resolver_labels"
        ordering = ["-label_id"]
        verbose_name = "resolver label"

    def __str__(self) -> str:
        return f"{self.sponsor_text_norm} {'is' if self.is_match else 'is not'} company {self.company_id}"


class ResolverLLMLog(models.Model):
    """A prompt to a language model about a sponsor, with response and decision."""

    class DecisionMode(models.TextChoices):
        ACCEPT = "accept", "accepted"
        REVIEW = "review", "for review"
        REJECT = "reject", "rejected"

    llm_id = models.BigAutoField("prompt", primary_key=True, help_text="Identifier, assigned by the database.")
    run_id = LineField("run", help_text="Run of the resolver.")
    nct_id = LineField("NCT ID", help_text="NCT ID of the trial.")
    sponsor_text = LineField("sponsor", help_text="Sponsor as in the registry record.")
    candidates = models.JSONField("candidates", help_text="Companies offered as answers.")
    prompt = models.TextField("prompt", help_text="Prompt sent to the model.")
    response_json = models.JSONField("response", null=True, blank=True, help_text="Response of the model, unchanged.")
    decision_mode = LineField(
        "decision",
        choices=DecisionMode,
        null=True,
        blank=True,
        help_text="Decision on the response: accept, review, or reject.",
    )
    confidence = models.DecimalField(
        "confidence",
        max_digits=6,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="Confidence reported by the model.",
    )
    chosen_company_id = models.IntegerField(
        "chosen company", null=True, blank=True, help_text="ID of the company in the response. No foreign key."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the prompt was sent.")

    class Meta:
        managed = False
        db_table = "resolver_llm_logs"
        ordering = ["-llm_id"]
        verbose_name = "language model log entry"
        verbose_name_plural = "language model log"

    def __str__(self) -> str:
        return f"{self.nct_id}, {self.sponsor_text}: {self.decision_mode or 'no decision'}"


class ReviewQueueItem(models.Model):
    """A sponsor that the resolver could not resolve, for a curator."""

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        RESOLVED = "resolved", "resolved"
        SKIPPED = "skipped", "skipped"

    rq_id = models.BigAutoField("item", primary_key=True, help_text="Identifier, assigned by the database.")
    run_id = LineField("run", help_text="Run of the resolver.")
    nct_id = LineField("NCT ID", help_text="NCT ID of the trial.")
    sponsor_text = LineField("sponsor", null=True, blank=True, help_text="Sponsor as in the registry record.")
    sponsor_text_norm = LineField(
        "normalized sponsor", null=True, blank=True, help_text="Sponsor in normalized form, for comparison."
    )
    candidates = models.JSONField(
        "candidates", blank=True, db_default=[], help_text="Candidate companies, most likely first."
    )
    reason = LineField("reason", null=True, blank=True, help_text="Why the resolver could not resolve it.")
    status = LineField("status", choices=Status, db_default=Status.PENDING, help_text="pending, resolved, or skipped.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When it was added to the queue.")
    resolved_at = models.DateTimeField("resolved", null=True, blank=True, help_text="When a curator resolved it.")

    class Meta:
        managed = False
        db_table = "review_queue"
        ordering = ["-rq_id"]
        verbose_name = "sponsor review item"
        verbose_name_plural = "sponsor review queue"

    def __str__(self) -> str:
        return f"{self.nct_id}, {self.sponsor_text or 'no sponsor'}: {self.status}"
