"""Assets (drugs), proposed links between assets and trials, and promoted links."""

from django.db import models
from django.db.models.functions import Now

from linkaudit.asset_names import UNSPECIFIED, list_distinct_names
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
    """A drug or biologic under study."""

    asset_id = models.BigAutoField("asset", primary_key=True, help_text="Identifier, assigned by the database.")
    names_jsonb = models.JSONField(
        "names",
        blank=True,
        db_default={},
        help_text="Names by type (inn, generic, brand, code): a string or a list of strings.",
    )
    modality = LineField(
        "modality", null=True, blank=True, help_text="Modality, such as small molecule, antibody, cell therapy."
    )
    target = LineField("target", null=True, blank=True, help_text="Molecule or pathway that it acts on.")
    moa = LineField("mechanism of action", null=True, blank=True, help_text="How it acts on its target.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the asset was added.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")

    class Meta:
        managed = False
        db_table = "assets"
        ordering = ["-asset_id"]
        verbose_name = "asset"

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The best-known name."""
        names = self.names_jsonb if isinstance(self.names_jsonb, dict) else {}
        known = list_distinct_names([*(names.get(kind) for kind in NAMES_TO_SHOW), self.names_jsonb])
        return known[0] if known else f"asset {self.asset_id}"

    @property
    def is_specified(self) -> bool:
        """True if it is a named drug, not the placeholder for links that name none."""
        return self.name != UNSPECIFIED


class AssetAlias(models.Model):
    """A name or identifier of an asset."""

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

    asset_alias_id = models.BigAutoField("alias", primary_key=True, help_text="Identifier, assigned by the database.")
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="aliases", help_text="The asset.")
    alias = LineField("name", help_text="Name as found in the source.")
    alias_norm = LineField("normalized name", help_text="Name in normalized form, for comparison.")
    alias_type = EnumField(
        "type",
        enum_type="asset_alias_type",
        choices=AliasType,
        help_text="Type of name or identifier.",
    )
    source = LineField("source", null=True, blank=True, help_text="Source of the alias.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the alias was added.")

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
    """Two assets that may be duplicates, for a curator to decide."""

    merge_id = models.BigAutoField("candidate", primary_key=True, help_text="Identifier, assigned by the database.")
    asset_1 = models.ForeignKey(
        Asset,
        models.DO_NOTHING,
        db_column="asset_id_1",
        related_name="merge_candidates_as_first",
        help_text="First asset.",
    )
    asset_2 = models.ForeignKey(
        Asset,
        models.DO_NOTHING,
        db_column="asset_id_2",
        related_name="merge_candidates_as_second",
        help_text="Second asset; never the first one.",
    )
    merge_reason = LineField("reason", help_text="Reason code of the program that proposed the pair.")
    evidence_jsonb = models.JSONField("evidence", blank=True, db_default={}, help_text="Evidence of the similarity.")
    status = LineField("status", db_default="pending", help_text="pending, then the decision.")
    reviewed_by = LineField("reviewed by", null=True, blank=True, help_text="Username of the curator.")
    reviewed_at = models.DateTimeField("reviewed", null=True, blank=True, help_text="When it was decided.")
    review_notes = models.TextField("review notes", null=True, blank=True, help_text="Notes of the reviewer.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the pair was proposed.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")

    class Meta:
        managed = False
        db_table = "merge_candidates"
        ordering = ["-merge_id"]
        verbose_name = "merge candidate"

    def __str__(self) -> str:
        return f"asset {self.asset_1_id} and asset {self.asset_2_id}: {self.status}"


class LinkAudit(models.Model):
    """A link: a heuristic's claim that a document connects an asset to a trial, with its label.

    The database derives the label from the reviews in link_reviews; a label written directly is recorded there.
    """

    class PromotionStatus(models.TextChoices):
        PENDING = "pending", "pending"
        PROMOTED = "promoted", "promoted"
        REJECTED = "rejected", "rejected"
        REVIEW = "review", "for review"

    class LabelSource(models.TextChoices):
        HUMAN_REVIEW = "human_review", "human review"
        GOLD_STANDARD = "gold_standard", "gold standard"
        EXTERNAL_VALIDATION = "external_validation", "external validation"

    audit_id = models.BigAutoField("link", primary_key=True, help_text="Identifier, assigned by the database.")
    doc = models.ForeignKey(
        "storage.Document",
        models.DO_NOTHING,
        related_name="link_audits",
        help_text="Document that the link was found in.",
    )
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="link_audits", help_text="Asset of the link.")
    nct_id = LineField(
        "NCT ID", null=True, blank=True, help_text="NCT ID of the trial. No foreign key: the trial may not be loaded."
    )
    link_type = LineField("link type", help_text="How the document connects the two: names both, reports the trial.")
    confidence = models.DecimalField(
        "confidence",
        max_digits=3,
        decimal_places=2,
        validators=FROM_0_TO_1,
        help_text="Confidence of the heuristic, from 0 to 1: an assumption, not measured.",
    )
    heuristic_applied = LineField(
        "heuristic", null=True, blank=True, help_text="Heuristic that proposed the link, such as HP-1 to HP-4."
    )
    evidence_jsonb = models.JSONField(
        "evidence", blank=True, db_default={}, help_text="Evidence of the link: quoted text, offsets, matched names."
    )
    promotion_status = LineField(
        "promotion status",
        choices=PromotionStatus,
        db_default=PromotionStatus.PENDING,
        help_text="pending, promoted (to the cross-references), rejected, or review.",
    )
    label = models.BooleanField(
        "label", null=True, blank=True, help_text="true is right, false is wrong, NULL is not reviewed."
    )
    label_source = LineField(
        "label source", choices=LabelSource, null=True, blank=True, help_text="Source of the label."
    )
    reviewed_by = LineField("reviewed by", null=True, blank=True, help_text="Username of the reviewer.")
    reviewed_at = models.DateTimeField("reviewed", null=True, blank=True, help_text="When the link was labeled.")
    review_notes = models.TextField("review notes", null=True, blank=True, help_text="Notes of the reviewer.")
    created_at = models.DateTimeField(
        "created", db_default=Now(), help_text="When the link was proposed; date ranges of precision refer to it."
    )
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")

    class Meta:
        managed = False
        db_table = "link_audit"
        ordering = ["-audit_id"]
        verbose_name = "link"
        permissions = [
            ("label_linkaudit", "Can label own and open links"),
            ("adjudicate_linkaudit", "Can change the label of another reviewer"),
            ("bulk_linkaudit", "Can label links in bulk"),
        ]

    def __str__(self) -> str:
        return f"link {self.audit_id}: {self.heuristic_applied or 'no heuristic'}, {self.nct_id or 'no trial'}"


class PromotedLink(models.Model):
    """Common columns of the two cross-references."""

    xref_id = models.BigAutoField(
        "cross-reference", primary_key=True, help_text="Identifier, assigned by the database."
    )
    how = LineField("how", help_text="Heuristic or process that found the link.")
    confidence = models.DecimalField(
        "confidence",
        max_digits=3,
        decimal_places=2,
        validators=FROM_0_TO_1,
        help_text="Confidence when the link was promoted, from 0 to 1.",
    )
    evidence_jsonb = models.JSONField("evidence", blank=True, db_default={}, help_text="Evidence of the link.")
    link_source = LineField("link source", help_text="Process that promoted it.")
    promoted_at = models.DateTimeField("promoted", db_default=Now(), help_text="When the link was promoted.")
    promoted_by = LineField("promoted by", null=True, blank=True, help_text="Username or program that promoted it.")
    status = LineField("status", db_default="active", help_text="active, or a later state.")
    notes = models.TextField("notes", null=True, blank=True, help_text="Free-text notes.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the row was created.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")

    class Meta:
        abstract = True


class TrialAssetLink(PromotedLink):
    """An asset of a trial: a promoted link that pipelines rely on."""

    trial = BigForeignKey("signals.Trial", models.DO_NOTHING, related_name="asset_links", help_text="The trial.")
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="trial_links", help_text="The asset.")
    source_doc = models.ForeignKey(
        "storage.Document",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="trial_asset_links",
        help_text="Source document.",
    )

    class Meta:
        managed = False
        db_table = "trial_assets_xref"
        ordering = ["-xref_id"]
        verbose_name = "trial asset"
        constraints = [models.UniqueConstraint(fields=["trial", "asset"], name="uq_trial_assets_trial_asset")]

    def __str__(self) -> str:
        return f"trial {self.trial_id} and asset {self.asset_id}"


class StudyAssetLink(PromotedLink):
    """An asset of a published study: a promoted link."""

    study_id = LineField("study", help_text="Key of a study, or an external identifier, as text.")
    asset = models.ForeignKey(Asset, models.DO_NOTHING, related_name="study_links", help_text="The asset.")
    source_doc = models.ForeignKey(
        "storage.Document",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="study_asset_links",
        help_text="Source document.",
    )

    class Meta:
        managed = False
        db_table = "study_assets_xref"
        ordering = ["-xref_id"]
        verbose_name = "study asset"
        constraints = [models.UniqueConstraint(fields=["study_id", "asset"], name="uq_study_assets_study_asset")]

    def __str__(self) -> str:
        return f"study {self.study_id} and asset {self.asset_id}"


class HeuristicPrecision(models.Model):
    """Precision of a heuristic over all labels. Links without a heuristic are not counted."""

    heuristic_applied = LineField("heuristic", primary_key=True, help_text="The heuristic.")
    total_links = models.BigIntegerField("links", help_text="Number of links.")
    correct_links = models.BigIntegerField("correct", help_text="Number of links labeled right.")
    incorrect_links = models.BigIntegerField("incorrect", help_text="Number of links labeled wrong.")
    unreviewed_links = models.BigIntegerField("not reviewed", help_text="Number of links without a label.")
    precision_rate = NumericField(
        "precision",
        null=True,
        help_text="Right among reviewed links, from 0 to 1 with four digits; NULL if none is reviewed.",
    )

    class Meta:
        managed = False
        db_table = "heuristic_precision_summary"
        verbose_name = "heuristic precision"
        verbose_name_plural = "heuristic precision"

    def __str__(self) -> str:
        return f"{self.heuristic_applied}: {self.correct_links} of {self.correct_links + self.incorrect_links} right"
