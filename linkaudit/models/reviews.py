"""What people said of links, which samples of links they were asked about, and what was concluded from it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import FROM_0_TO_1, LineField
from storage.models import SessionUser


class LinkReview(models.Model):
    """One decision on a link: who said what, when and how. A record: it is neither changed nor deleted.

    It says itself what it is about and refers to nothing, so it outlives the link and its document. The label of a link
    follows from the decisions on it.
    """

    class Decision(models.TextChoices):
        RIGHT = "right", "right"
        WRONG = "wrong", "wrong"
        UNSURE = "unsure", "unsure"
        CLEARED = "cleared", "label cleared"
        UNDONE = "undone", "undone"

    class Mode(models.TextChoices):
        QUEUE = "queue", "in the queue"
        ADJUDICATION = "adjudication", "as adjudicator"
        PAGE = "page", "on the link's page"
        BULK = "bulk", "many at once"
        LOAD = "load", "by a loader"
        SQL = "sql", "by another program"
        EXISTING = "existing", "before decisions were recorded"

    review_id = models.BigAutoField("review", primary_key=True, help_text="Number of the decision, from the database.")
    audit_id = models.BigIntegerField("link", help_text="Number of the link. No foreign key: the link may be gone.")
    doc_id = models.BigIntegerField("document", help_text="Number of the link's document. No foreign key.")
    asset_id = models.BigIntegerField("asset", help_text="Number of the link's asset. No foreign key.")
    nct_id = LineField("NCT number", null=True, blank=True, help_text="The trial of the link.")
    heuristic = LineField("heuristic", null=True, blank=True, help_text="The rule that made the claim.")
    decision = LineField("decision", choices=Decision, help_text="What was said.")
    label_source = LineField(
        "label source",
        null=True,
        blank=True,
        help_text="Where the decision comes from, as link_audit.label_source has it.",
    )
    reviewer = LineField("reviewer", null=True, blank=True, help_text="Username of the one who said it.")
    reviewed_at = models.DateTimeField("said", db_default=Now(), help_text="When it was said.")
    mode = LineField("mode", choices=Mode, help_text="How it was said; only decisions of the queue are evidence.")
    sample_id = models.BigIntegerField(
        "sample", null=True, blank=True, help_text="The sample that the link was served from. No foreign key."
    )
    supersedes = models.BigIntegerField(
        "supersedes", null=True, blank=True, help_text="The decision that this one takes back, or takes the place of."
    )
    seconds = models.DecimalField(
        "seconds", max_digits=9, decimal_places=1, null=True, blank=True, help_text="How long the person took."
    )
    note = models.TextField("note", null=True, blank=True, help_text="What the person added.")
    recorded_at = models.DateTimeField("recorded", db_default=Now(), help_text="When the row was written.")
    recorded_by = LineField("recorded by", db_default=SessionUser(), help_text="Database user who wrote the row.")

    class Meta:
        managed = False
        db_table = "link_reviews"
        ordering = ["-review_id"]
        verbose_name = "review"
        permissions = [("export_linkreview", "Can export links and decisions")]

    def __str__(self) -> str:
        return f"{self.decision} on link {self.audit_id} by {self.reviewer or self.mode}"


class LinkDisagreement(models.Model):
    """One link on which people differ, or of which somebody is unsure, until an adjudicator resolves it."""

    class Reason(models.TextChoices):
        CONFLICT = "conflict", "conflicting reviews"
        UNSURE = "unsure", "marked unsure"

    audit_id = models.BigIntegerField("link", primary_key=True, help_text="Number of the link.")
    heuristic = LineField("heuristic", null=True, blank=True, help_text="The rule that made the claim.")
    reason = LineField("reason", choices=Reason, help_text="What there is to resolve.")
    opened_at = models.DateTimeField("opened", db_default=Now(), help_text="When it came up.")

    class Meta:
        managed = False
        db_table = "link_disagreements"
        ordering = ["opened_at"]
        verbose_name = "disagreement"

    def __str__(self) -> str:
        return f"link {self.audit_id}: {self.reason}"


class ReviewSample(models.Model):
    """One random sample of a heuristic's links, drawn before anybody looked at them."""

    class Purpose(models.TextChoices):
        PRECISION = "precision", "precision"
        PROMOTED = "promoted", "promoted links"

    sample_id = models.BigAutoField("sample", primary_key=True, help_text="Number of the sample, from the database.")
    heuristic = LineField("heuristic", help_text="The rule whose links were drawn.")
    purpose = LineField(
        "purpose",
        choices=Purpose,
        db_default=Purpose.PRECISION,
        help_text="Why it was drawn: to know the precision, or to look after what was promoted.",
    )
    population = models.BigIntegerField("population", help_text="How many links it was drawn from.")
    size = models.IntegerField("size", help_text="How many links were drawn.")
    second_share = models.DecimalField(
        "share of second opinions",
        max_digits=4,
        decimal_places=3,
        validators=FROM_0_TO_1,
        help_text="Of which share of the links a second person is asked, from 0 to 1.",
    )
    seed = models.BigIntegerField("seed", help_text="What the draw follows from, with the numbers of the links.")
    drawn_by = LineField("drawn by", help_text="Username of the one who drew it.")
    drawn_at = models.DateTimeField("drawn", db_default=Now(), help_text="When it was drawn.")
    closed_by = LineField("closed by", null=True, blank=True, help_text="Who ended it before all of it was reviewed.")
    closed_at = models.DateTimeField("closed", null=True, blank=True, help_text="When it was ended.")

    class Meta:
        managed = False
        db_table = "review_samples"
        ordering = ["-sample_id"]
        verbose_name = "sample"
        permissions = [("draw_reviewsample", "Can draw and close samples")]

    def __str__(self) -> str:
        return f"sample {self.sample_id} of {self.heuristic}"


class ReviewSlot(models.Model):
    """One place of a sample: a link that one person is asked about; a second opinion is a place of its own."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        DONE = "done", "done"
        DELETED = "deleted", "link deleted"

    slot_id = models.BigAutoField("place", primary_key=True, help_text="Number of the place, from the database.")
    sample = models.ForeignKey(ReviewSample, models.DO_NOTHING, related_name="slots", help_text="The sample.")
    position = models.IntegerField("position", help_text="Where in the order of the sample it comes, from 1.")
    opinion = models.SmallIntegerField("opinion", db_default=1, help_text="1, or 2 for the second opinion of a link.")
    audit_id = models.BigIntegerField("link", help_text="Number of the link. No foreign key: it may be gone.")
    state = LineField("state", choices=State, db_default=State.OPEN, help_text="Whether somebody has said something.")
    leased_by = LineField("leased to", null=True, blank=True, help_text="Who has it on the screen, or had it last.")
    lease_token = models.UUIDField(
        "token of the lease", null=True, blank=True, unique=True, help_text="By which that person's page names it."
    )
    leased_at = models.DateTimeField("lease begun", null=True, blank=True, help_text="When it was leased.")
    lease_until = models.DateTimeField(
        "lease ends", null=True, blank=True, help_text="When others may have it, unless a decision comes before."
    )
    review_id = models.BigIntegerField("review", null=True, blank=True, help_text="The decision. No foreign key.")
    reviewer = LineField("reviewer", null=True, blank=True, help_text="Who gave it.")
    done_at = models.DateTimeField("done", null=True, blank=True, help_text="When it was given.")

    class Meta:
        managed = False
        db_table = "review_slots"
        ordering = ["sample", "position", "opinion"]
        verbose_name = "place of a sample"
        verbose_name_plural = "places of samples"
        constraints = [
            models.UniqueConstraint(fields=["sample", "position", "opinion"], name="uq_review_slots_position")
        ]

    def __str__(self) -> str:
        return f"place {self.position}.{self.opinion} of sample {self.sample_id}"


class ReviewSkip(models.Model):
    """One time that somebody passed over a link, and why. Its place is open for others."""

    skip_id = models.BigAutoField("skip", primary_key=True, help_text="Number of the skip, from the database.")
    slot = models.ForeignKey(ReviewSlot, models.DO_NOTHING, related_name="skips", help_text="The place.")
    audit_id = models.BigIntegerField("link", help_text="Number of the link.")
    reviewer = LineField("reviewer", help_text="Who passed it over.")
    reason = LineField("reason", help_text="Why the link was passed over.")
    skipped_at = models.DateTimeField("skipped", db_default=Now(), help_text="When it was passed over.")

    class Meta:
        managed = False
        db_table = "review_skips"
        ordering = ["-skip_id"]
        verbose_name = "skipped link"

    def __str__(self) -> str:
        return f"link {self.audit_id}, skipped by {self.reviewer}"


class InterimAnalysis(models.Model):
    """One look at the evidence of a sample, at a size that was fixed in advance."""

    pk = models.CompositePrimaryKey("sample_id", "size")
    sample = models.ForeignKey(
        ReviewSample, models.DO_NOTHING, related_name="interim_analyses", help_text="The sample."
    )
    size = models.IntegerField("size", help_text="The first so many places were looked at; all of them were resolved.")
    error_count = models.IntegerField("errors", help_text="How many of them were wrong, or gone.")
    alpha = models.DecimalField("alpha", max_digits=6, decimal_places=5, help_text="The error that this look may make.")
    lower_bound = models.DecimalField(
        "lower bound", max_digits=7, decimal_places=6, help_text="Exact one-sided lower bound of the precision."
    )
    passed = models.BooleanField("passed", help_text="Whether the bound reaches the precision of the gate.")
    analyzed_at = models.DateTimeField("analyzed", db_default=Now(), help_text="When it was recorded.")

    class Meta:
        managed = False
        db_table = "interim_analyses"
        ordering = ["sample_id", "size"]
        verbose_name = "look at the evidence"
        verbose_name_plural = "looks at the evidence"

    def __str__(self) -> str:
        return f"sample {self.sample_id} at {self.size}"


class LinkPromotion(models.Model):
    """One time that a person promoted the links of a heuristic, and whether it was taken back."""

    promotion_id = models.BigAutoField(
        "promotion", primary_key=True, help_text="Number of the promotion, from the database."
    )
    heuristic = LineField("heuristic", help_text="The rule whose links were promoted.")
    promoted_by = LineField("promoted by", help_text="Username of the one who promoted them.")
    promoted_at = models.DateTimeField("promoted", db_default=Now(), help_text="When it was begun.")
    reason = LineField("reason", help_text="Why the links were promoted.")
    precision_counts = models.JSONField("precision", help_text="What get_heuristic_precision said at the beginning.")
    link_count = models.BigIntegerField("links", db_default=0, help_text="How many links were promoted.")
    reverted_by = LineField("taken back by", null=True, blank=True, help_text="Who took the promotion back.")
    reverted_at = models.DateTimeField("taken back", null=True, blank=True, help_text="When that was.")
    revert_reason = LineField(
        "reason of taking back", null=True, blank=True, help_text="Why the promotion was taken back."
    )

    class Meta:
        managed = False
        db_table = "link_promotions"
        ordering = ["-promotion_id"]
        verbose_name = "promotion"
        permissions = [("promote_linkpromotion", "Can promote the links of a heuristic and take that back")]

    def __str__(self) -> str:
        return f"promotion {self.promotion_id} of {self.heuristic}"


class LinkPromotionItem(models.Model):
    """One link that a promotion promoted, and the rows of the cross-references that it made for it."""

    pk = models.CompositePrimaryKey("promotion_id", "audit_id")
    promotion = models.ForeignKey(LinkPromotion, models.DO_NOTHING, related_name="items", help_text="The promotion.")
    audit_id = models.BigIntegerField("link", help_text="Number of the link. No foreign key: it may be gone.")
    previous_status = LineField("status before", help_text="Promotion status of the link before.")
    trial_xref_id = models.BigIntegerField(
        "link of trial", null=True, blank=True, help_text="The row of trial_assets_xref that was made, if one was."
    )
    study_xref_ids = ArrayField(
        models.BigIntegerField(),
        verbose_name="links of studies",
        db_default=[],
        help_text="Those of study_assets_xref.",
    )

    class Meta:
        managed = False
        db_table = "link_promotion_items"
        ordering = ["promotion_id", "audit_id"]
        verbose_name = "promoted link of a promotion"
        verbose_name_plural = "promoted links of promotions"

    def __str__(self) -> str:
        return f"link {self.audit_id} of promotion {self.promotion_id}"
