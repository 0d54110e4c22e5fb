"""Reviews of links, random samples for review, interim analyses, and promotions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import FROM_0_TO_1, LineField
from storage.models import SessionUser


class LinkReview(models.Model):
    """A reviewer's decision on a link. Rows are append-only.

    A row has no foreign keys, so that it outlives the link and its document. Effective are the latest decision made
    outside of the review queue and, if newer, the latest decision of each reviewer in the queue. The database derives
    the label of the link from them: none if they conflict or one is unsure.
    """

    class Decision(models.TextChoices):
        RIGHT = "right", "right"
        WRONG = "wrong", "wrong"
        UNSURE = "unsure", "unsure"
        CLEARED = "cleared", "label cleared"
        UNDONE = "undone", "undone"

    class Mode(models.TextChoices):
        QUEUE = "queue", "review queue"
        ADJUDICATION = "adjudication", "adjudication"
        PAGE = "page", "link page"
        BULK = "bulk", "bulk action"
        LOAD = "load", "import"
        SQL = "sql", "SQL of another program"
        EXISTING = "existing", "label from before reviews were recorded"

    review_id = models.BigAutoField("review", primary_key=True, help_text="Identifier, assigned by the database.")
    audit_id = models.BigIntegerField("link", help_text="ID of the link. No foreign key: the link may be deleted.")
    doc_id = models.BigIntegerField("document", help_text="ID of the link's document. No foreign key.")
    asset_id = models.BigIntegerField("asset", help_text="ID of the link's asset. No foreign key.")
    nct_id = LineField("NCT ID", null=True, blank=True, help_text="NCT ID of the link's trial.")
    heuristic = LineField("heuristic", null=True, blank=True, help_text="Heuristic that proposed the link.")
    decision = LineField("decision", choices=Decision, help_text="Decision of the reviewer.")
    label_source = LineField(
        "label source",
        null=True,
        blank=True,
        help_text="Source of the decision, as in link_audit.label_source.",
    )
    reviewer = LineField("reviewer", null=True, blank=True, help_text="Username of the reviewer.")
    reviewed_at = models.DateTimeField("reviewed", db_default=Now(), help_text="When the decision was made.")
    mode = LineField(
        "mode",
        choices=Mode,
        help_text="How the decision was entered; only the review queue and adjudication yield sample evidence.",
    )
    sample_id = models.BigIntegerField(
        "sample", null=True, blank=True, help_text="ID of the sample that the link was served from. No foreign key."
    )
    supersedes = models.BigIntegerField(
        "supersedes", null=True, blank=True, help_text="ID of the review that this one undoes or replaces."
    )
    seconds = models.DecimalField(
        "seconds",
        max_digits=9,
        decimal_places=1,
        null=True,
        blank=True,
        help_text="Time that the reviewer took, in seconds.",
    )
    note = models.TextField("note", null=True, blank=True, help_text="Note of the reviewer.")
    recorded_at = models.DateTimeField("recorded", db_default=Now(), help_text="When the row was written.")
    recorded_by = LineField("recorded by", db_default=SessionUser(), help_text="Database user who wrote the row.")

    class Meta:
        managed = False
        db_table = "link_reviews"
        ordering = ["-review_id"]
        verbose_name = "review"
        permissions = [("export_linkreview", "Can export links and reviews")]

    def __str__(self) -> str:
        return f"{self.decision} on link {self.audit_id} by {self.reviewer or self.mode}"


class LinkDisagreement(models.Model):
    """A link with conflicting reviews, or marked unsure, until an adjudicator resolves it."""

    class Reason(models.TextChoices):
        CONFLICT = "conflict", "conflicting reviews"
        UNSURE = "unsure", "marked unsure"

    audit_id = models.BigIntegerField("link", primary_key=True, help_text="ID of the link.")
    heuristic = LineField("heuristic", null=True, blank=True, help_text="Heuristic that proposed the link.")
    reason = LineField("reason", choices=Reason, help_text="Why the link needs an adjudicator.")
    opened_at = models.DateTimeField("opened", db_default=Now(), help_text="When the disagreement arose.")

    class Meta:
        managed = False
        db_table = "link_disagreements"
        ordering = ["opened_at"]
        verbose_name = "disagreement"

    def __str__(self) -> str:
        return f"link {self.audit_id}: {self.reason}"


class ReviewSample(models.Model):
    """A random sample of a heuristic's links for review."""

    class Purpose(models.TextChoices):
        PRECISION = "precision", "precision"
        PROMOTED = "promoted", "promoted links"

    sample_id = models.BigAutoField("sample", primary_key=True, help_text="Identifier, assigned by the database.")
    heuristic = LineField("heuristic", help_text="Heuristic whose links were drawn.")
    purpose = LineField(
        "purpose",
        choices=Purpose,
        db_default=Purpose.PRECISION,
        help_text="Purpose: measure precision, or monitor promoted links.",
    )
    population = models.BigIntegerField("population", help_text="Number of links that it was drawn from.")
    size = models.IntegerField("size", help_text="Number of links drawn.")
    second_share = models.DecimalField(
        "share of second opinions",
        max_digits=4,
        decimal_places=3,
        validators=FROM_0_TO_1,
        help_text="Share of the links with a second slot for another reviewer, from 0 to 1.",
    )
    seed = models.BigIntegerField("seed", help_text="Seed of the random order.")
    drawn_by = LineField("drawn by", help_text="Username of the operator who drew it.")
    drawn_at = models.DateTimeField("drawn", db_default=Now(), help_text="When it was drawn.")
    closed_by = LineField("closed by", null=True, blank=True, help_text="Username of the operator who closed it early.")
    closed_at = models.DateTimeField("closed", null=True, blank=True, help_text="When it was closed.")

    class Meta:
        managed = False
        db_table = "review_samples"
        ordering = ["-sample_id"]
        verbose_name = "sample"
        permissions = [("draw_reviewsample", "Can draw and close samples")]

    def __str__(self) -> str:
        return f"sample {self.sample_id} of {self.heuristic}"


class ReviewSlot(models.Model):
    """A slot of a sample: a link for one reviewer. A second opinion has its own slot."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        DONE = "done", "done"
        DELETED = "deleted", "link deleted"

    slot_id = models.BigAutoField("slot", primary_key=True, help_text="Identifier, assigned by the database.")
    sample = models.ForeignKey(ReviewSample, models.DO_NOTHING, related_name="slots", help_text="The sample.")
    position = models.IntegerField("position", help_text="Position in the order of the sample, from 1.")
    opinion = models.SmallIntegerField("opinion", db_default=1, help_text="1, or 2 for the second opinion on a link.")
    audit_id = models.BigIntegerField("link", help_text="ID of the link. No foreign key: it may be deleted.")
    state = LineField(
        "state",
        choices=State,
        db_default=State.OPEN,
        help_text="open, done (reviewed), or deleted (the link was deleted first).",
    )
    leased_by = LineField(
        "leased to", null=True, blank=True, help_text="Username of the reviewer with the lease, or with the last one."
    )
    lease_token = models.UUIDField(
        "lease token", null=True, blank=True, unique=True, help_text="Identifies the lease in the URL of its page."
    )
    leased_at = models.DateTimeField("lease start", null=True, blank=True, help_text="When the lease started.")
    lease_until = models.DateTimeField("lease end", null=True, blank=True, help_text="When the lease expires.")
    review_id = models.BigIntegerField("review", null=True, blank=True, help_text="ID of the review. No foreign key.")
    reviewer = LineField("reviewer", null=True, blank=True, help_text="Username of the reviewer.")
    done_at = models.DateTimeField("done", null=True, blank=True, help_text="When the decision was recorded.")

    class Meta:
        managed = False
        db_table = "review_slots"
        ordering = ["sample", "position", "opinion"]
        verbose_name = "sample item"
        constraints = [
            models.UniqueConstraint(fields=["sample", "position", "opinion"], name="uq_review_slots_position")
        ]

    def __str__(self) -> str:
        return f"item {self.position}.{self.opinion} of sample {self.sample_id}"


class ReviewSkip(models.Model):
    """A slot skipped by a reviewer, with the reason. It stays open for other reviewers."""

    skip_id = models.BigAutoField("skip", primary_key=True, help_text="Identifier, assigned by the database.")
    slot = models.ForeignKey(ReviewSlot, models.DO_NOTHING, related_name="skips", help_text="The slot.")
    audit_id = models.BigIntegerField("link", help_text="ID of the link.")
    reviewer = LineField("reviewer", help_text="Username of the reviewer.")
    reason = LineField("reason", help_text="Reason for skipping.")
    skipped_at = models.DateTimeField("skipped", db_default=Now(), help_text="When it was skipped.")
    undone_at = models.DateTimeField("undone", null=True, blank=True, help_text="When the reviewer undid the skip.")

    class Meta:
        managed = False
        db_table = "review_skips"
        ordering = ["-skip_id"]
        verbose_name = "skipped link"

    def __str__(self) -> str:
        return f"link {self.audit_id}, skipped by {self.reviewer}"


class InterimAnalysis(models.Model):
    """An interim analysis of a sample, at one of the sizes fixed in advance. Rows are append-only."""

    pk = models.CompositePrimaryKey("sample_id", "size")
    sample = models.ForeignKey(
        ReviewSample, models.DO_NOTHING, related_name="interim_analyses", help_text="The sample."
    )
    size = models.IntegerField("size", help_text="Number of slots analyzed, from the first; all are resolved.")
    error_count = models.IntegerField("errors", help_text="Number of wrong or deleted links among them.")
    alpha = models.DecimalField(
        "alpha", max_digits=6, decimal_places=5, help_text="Error probability of this analysis."
    )
    lower_bound = models.DecimalField(
        "lower bound", max_digits=7, decimal_places=6, help_text="Exact one-sided lower bound of the precision."
    )
    passed = models.BooleanField("passed", help_text="Whether the bound reaches the precision of the promotion rule.")
    analyzed_at = models.DateTimeField("analyzed", db_default=Now(), help_text="When it was recorded.")

    class Meta:
        managed = False
        db_table = "interim_analyses"
        ordering = ["sample_id", "size"]
        verbose_name = "interim analysis"
        verbose_name_plural = "interim analyses"

    def __str__(self) -> str:
        return f"sample {self.sample_id} at {self.size}"


class LinkPromotion(models.Model):
    """A promotion of a heuristic's links, and whether it was reverted."""

    promotion_id = models.BigAutoField("promotion", primary_key=True, help_text="Identifier, assigned by the database.")
    heuristic = LineField("heuristic", help_text="Heuristic whose links were promoted.")
    promoted_by = LineField("promoted by", help_text="Username of the operator.")
    promoted_at = models.DateTimeField("promoted", db_default=Now(), help_text="When the promotion started.")
    reason = LineField("reason", help_text="Reason for the promotion.")
    precision_counts = models.JSONField(
        "precision", help_text="Result of get_heuristic_precision when the promotion started."
    )
    has_sample_evidence = models.BooleanField(
        "sample evidence",
        null=True,
        help_text="Whether a sample proved the precision at the start; NULL: not recorded.",
    )
    override_reason = LineField(
        "override", null=True, blank=True, help_text="Reason for promoting without sample evidence."
    )
    link_count = models.BigIntegerField("links", db_default=0, help_text="Number of promoted links.")
    reverted_by = LineField("reverted by", null=True, blank=True, help_text="Username of the operator who reverted it.")
    reverted_at = models.DateTimeField("reverted", null=True, blank=True, help_text="When it was reverted.")
    revert_reason = LineField("reason for reverting", null=True, blank=True, help_text="Reason for reverting it.")

    class Meta:
        managed = False
        db_table = "link_promotions"
        ordering = ["-promotion_id"]
        verbose_name = "promotion"
        permissions = [
            ("promote_linkpromotion", "Can promote the links of a heuristic and revert promotions"),
            ("override_linkpromotion", "Can promote links without sample evidence"),
        ]

    def __str__(self) -> str:
        return f"promotion {self.promotion_id} of {self.heuristic}"


class LinkPromotionItem(models.Model):
    """A link of a promotion, with the cross-reference rows created for it."""

    pk = models.CompositePrimaryKey("promotion_id", "audit_id")
    promotion = models.ForeignKey(LinkPromotion, models.DO_NOTHING, related_name="items", help_text="The promotion.")
    audit_id = models.BigIntegerField("link", help_text="ID of the link. No foreign key: it may be deleted.")
    previous_status = LineField("status before", help_text="Promotion status of the link before the promotion.")
    trial_xref_id = models.BigIntegerField(
        "trial asset", null=True, blank=True, help_text="ID of the row created in trial_assets_xref, if any."
    )
    study_xref_ids = ArrayField(
        models.BigIntegerField(),
        verbose_name="study assets",
        db_default=[],
        help_text="IDs of the rows created in study_assets_xref.",
    )

    class Meta:
        managed = False
        db_table = "link_promotion_items"
        ordering = ["promotion_id", "audit_id"]
        verbose_name = "promotion item"

    def __str__(self) -> str:
        return f"link {self.audit_id} of promotion {self.promotion_id}"
