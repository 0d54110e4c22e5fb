"""Assets (drugs), the claims that tie them to trials, and what people said of those claims."""

from django.db import models
from django.db.models.functions import Now

from linkaudit.asset_names import distinct_names
from ncfd_site.core.fields import (
    FROM_0_TO_1,
    BigForeignKey,
    EnumField,
    LineField,
    NumericField,
)

# Kinds of names in assets.names_jsonb, the one to show first.
NAMES_TO_SHOW = ("preferred", "inn", "generic", "brand", "name", "code")


class Asset(models.Model):
    """One drug or biologic under study, whatever names it goes by."""

    asset_id = models.BigAutoField("asset", primary_key=True, help_text="Number of the asset, from the database.")
    names_jsonb = models.JSONField(
        "names",
        blank=True,
        db_default={},
        help_text="Its names by kind (inn, generic, brand, code): text or lists of it.",
    )
    modality = LineField(
        "modality", null=True, blank=True, help_text="What it is made of: small molecule, antibody, cell therapy."
    )
    target = LineField("target", null=True, blank=True, help_text="The molecule or pathway that it acts on.")
    moa = LineField("mechanism of action", null=True, blank=True, help_text="How it acts on its target.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the asset was first known.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")

    class Meta:
        managed = False
        db_table = "assets"
        ordering = ["-asset_id"]
        verbose_name = "asset"

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name to show: of those that are known, the one that most people know it by."""
        names = self.names_jsonb if isinstance(self.names_jsonb, dict) else {}
        known = distinct_names([*(names.get(kind) for kind in NAMES_TO_SHOW), self.names_jsonb])
        return known[0] if known else f"asset {self.asset_id}"


class AssetAlias(models.Model):
    """One name under which an asset is mentioned."""

    class AliasType(models.TextChoices):
        INN = "inn", "INN"
        GENERIC = "generic", "generic name"
        BRAND = "brand", "brand name"
        CODE = "code", "company code"
        CHEMBL = "chembl", "ChEMBL"
        DRUGBANK = "drugbank", "DrugBank"
        UNII = "unii", "UNII"
        CAS = "cas", "CAS number"
        INCHIKEY = "inchikey", "InChIKey"
        OTHER = "other", "other"

    asset_alias_id = models.BigAutoField("alias", primary_key=True, help_text="Number of the alias, from the database.")
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="aliases", help_text="The asset so named.")
    alias = LineField("name", help_text="The name as it was found.")
    alias_norm = LineField("normalised name", help_text="The name in the form in which names are compared.")
    alias_type = EnumField(
        "kind of name",
        enum_type="asset_alias_type",
        choices=AliasType,
        help_text="What kind of name or identifier it is.",
    )
    source = LineField("source", null=True, blank=True, help_text="Where the name was learnt.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the name was first seen.")

    class Meta:
        managed = False
        db_table = "asset_aliases"
        ordering = ["alias_norm"]
        verbose_name = "asset alias"
        verbose_name_plural = "asset aliases"
        constraints = [
            models.UniqueConstraint(fields=["asset", "alias_norm", "alias_type"], name="uq_asset_alias_norm_type")
        ]

    def __str__(self) -> str:
        return self.alias


class MergeCandidate(models.Model):
    """Two assets that may be one and the same, waiting for somebody to say so."""

    merge_id = models.BigAutoField("candidate", primary_key=True, help_text="Number of the pair, from the database.")
    asset_1 = models.ForeignKey(
        Asset,
        models.DO_NOTHING,
        db_column="asset_id_1",
        related_name="merge_candidates_as_first",
        help_text="One of the two assets.",
    )
    asset_2 = models.ForeignKey(
        Asset,
        models.DO_NOTHING,
        db_column="asset_id_2",
        related_name="merge_candidates_as_second",
        help_text="The other; never the same as the first.",
    )
    merge_reason = LineField("reason", help_text="Why they look alike, in the word of the program that found them.")
    evidence_jsonb = models.JSONField("evidence", blank=True, db_default={}, help_text="What the likeness rests on.")
    status = LineField("status", db_default="pending", help_text="pending until somebody decides, then the decision.")
    reviewed_by = LineField("reviewed by", null=True, blank=True, help_text="Username of the one who decided.")
    reviewed_at = models.DateTimeField("reviewed", null=True, blank=True, help_text="When it was decided.")
    review_notes = models.TextField("review notes", null=True, blank=True, help_text="What the reviewer added.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the pair was proposed.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")

    class Meta:
        managed = False
        db_table = "merge_candidates"
        ordering = ["-merge_id"]
        verbose_name = "merge candidate"

    def __str__(self) -> str:
        return f"asset {self.asset_1_id} and asset {self.asset_2_id}: {self.status}"


class LinkAudit(models.Model):
    """A heuristic's claim that a document ties an asset to a trial, and what a reviewer said of it."""

    class PromotionStatus(models.TextChoices):
        PENDING = "pending", "pending"
        PROMOTED = "promoted", "promoted"
        REJECTED = "rejected", "rejected"
        REVIEW = "review", "for review"

    class LabelSource(models.TextChoices):
        HUMAN_REVIEW = "human_review", "human review"
        GOLD_STANDARD = "gold_standard", "gold standard"
        EXTERNAL_VALIDATION = "external_validation", "external validation"

    audit_id = models.BigAutoField("link", primary_key=True, help_text="Number of the claim, from the database.")
    doc = models.ForeignKey(
        "storage.Document",
        models.DO_NOTHING,
        related_name="link_audits",
        help_text="The document that is said to tie them.",
    )
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="link_audits", help_text="The asset of the claim.")
    nct_id = LineField(
        "NCT number", null=True, blank=True, help_text="The trial of the claim, by its number at ClinicalTrials.gov."
    )
    link_type = LineField(
        "kind of link", help_text="What the document does for the two: names both, reports the trial."
    )
    confidence = models.DecimalField(
        "confidence",
        max_digits=3,
        decimal_places=2,
        validators=FROM_0_TO_1,
        help_text="How sure the heuristic is, from 0 to 1; given to the rule, not measured.",
    )
    heuristic_applied = LineField(
        "heuristic", null=True, blank=True, help_text="The rule that made the claim, HP-1 to HP-4 among others."
    )
    evidence_jsonb = models.JSONField(
        "evidence", blank=True, db_default={}, help_text="What the claim rests on: quotes, offsets, matched names."
    )
    promotion_status = LineField(
        "promotion status",
        choices=PromotionStatus,
        db_default=PromotionStatus.PENDING,
        help_text="Whether the claim has become a link: pending, promoted, rejected, or review.",
    )
    label = models.BooleanField(
        "label", null=True, blank=True, help_text="The decision: true is right, false is wrong, empty is not reviewed."
    )
    label_source = LineField(
        "label source", choices=LabelSource, null=True, blank=True, help_text="Where the decision comes from."
    )
    reviewed_by = LineField(
        "reviewed by", null=True, blank=True, help_text="Username of the one who gave the decision."
    )
    reviewed_at = models.DateTimeField("reviewed", null=True, blank=True, help_text="When the decision was given.")
    review_notes = models.TextField("review notes", null=True, blank=True, help_text="What the reviewer added.")
    created_at = models.DateTimeField(
        "created", db_default=Now(), help_text="When the claim was made; precision over dates counts by this."
    )
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")

    class Meta:
        managed = False
        db_table = "link_audit"
        ordering = ["-audit_id"]
        verbose_name = "link audit"
        permissions = [
            ("label_linkaudit", "Can label own and open links"),
            ("adjudicate_linkaudit", "Can change the label of another reviewer"),
            ("bulk_linkaudit", "Can label many links at once"),
        ]

    def __str__(self) -> str:
        return f"link {self.audit_id}: {self.heuristic_applied or 'no heuristic'}, {self.nct_id or 'no trial'}"


class PromotedLink(models.Model):
    """What both cross-references of promoted links have in common."""

    xref_id = models.BigAutoField(
        "cross-reference", primary_key=True, help_text="Number of the link, from the database."
    )
    how = LineField("how", help_text="The rule or the hand that made the link.")
    confidence = models.DecimalField(
        "confidence",
        max_digits=3,
        decimal_places=2,
        validators=FROM_0_TO_1,
        help_text="How sure the link is, from 0 to 1, as it was when it was promoted.",
    )
    evidence_jsonb = models.JSONField("evidence", blank=True, db_default={}, help_text="What the link rests on.")
    link_source = LineField("link source", help_text="The process that promoted it.")
    promoted_at = models.DateTimeField("promoted", db_default=Now(), help_text="When the link was promoted.")
    promoted_by = LineField("promoted by", null=True, blank=True, help_text="Username or program that promoted it.")
    status = LineField("status", db_default="active", help_text="active, or what became of the link since.")
    notes = models.TextField("notes", null=True, blank=True, help_text="What somebody added.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the row was made.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")

    class Meta:
        abstract = True


class TrialAssetLink(PromotedLink):
    """A link between a trial and an asset that was promoted: the pipelines take it as true."""

    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="asset_links", help_text="The trial.")
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="trial_links", help_text="The asset.")
    source_doc = models.ForeignKey(
        "storage.Document",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="trial_asset_links",
        help_text="The document that the link was taken from.",
    )

    class Meta:
        managed = False
        db_table = "trial_assets_xref"
        ordering = ["-xref_id"]
        verbose_name = "link of trial and asset"
        verbose_name_plural = "links of trials and assets"
        constraints = [models.UniqueConstraint(fields=["trial", "asset"], name="uq_trial_assets_trial_asset")]

    def __str__(self) -> str:
        return f"trial {self.trial_id} and asset {self.asset_id}"


class StudyAssetLink(PromotedLink):
    """A link between a published study and an asset that was promoted."""

    study_id = LineField("study", help_text="The study, as text: the key of a study, or a number from outside.")
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="study_links", help_text="The asset.")
    source_doc = models.ForeignKey(
        "storage.Document",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="study_asset_links",
        help_text="The document that the link was taken from.",
    )

    class Meta:
        managed = False
        db_table = "study_assets_xref"
        ordering = ["-xref_id"]
        verbose_name = "link of study and asset"
        verbose_name_plural = "links of studies and assets"
        constraints = [models.UniqueConstraint(fields=["study_id", "asset"], name="uq_study_assets_study_asset")]

    def __str__(self) -> str:
        return f"study {self.study_id} and asset {self.asset_id}"


class HeuristicPrecision(models.Model):
    """What the labels say of one heuristic so far, counted by the view each time that it is read."""

    heuristic_applied = LineField("heuristic", primary_key=True, help_text="The rule that made the claims.")
    total_links = models.BigIntegerField("links", help_text="How many claims it made.")
    correct_links = models.BigIntegerField("correct", help_text="How many of them are labelled right.")
    incorrect_links = models.BigIntegerField("incorrect", help_text="How many of them are labelled wrong.")
    unreviewed_links = models.BigIntegerField("not reviewed", help_text="How many of them have no label.")
    precision_rate = NumericField(
        "precision", null=True, help_text="Right ones among the reviewed, from 0 to 1; empty where nothing is reviewed."
    )

    class Meta:
        managed = False
        db_table = "heuristic_precision_summary"
        verbose_name = "precision of a heuristic"
        verbose_name_plural = "precision of heuristics"

    def __str__(self) -> str:
        return f"{self.heuristic_applied}: {self.correct_links} of {self.correct_links + self.incorrect_links} right"
