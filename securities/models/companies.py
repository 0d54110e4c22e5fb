"""Companies, their aliases, relationships and securities."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import (
    FROM_0_TO_1,
    BigForeignKey,
    BigOneToOneField,
    EnumField,
    LineField,
)


class Company(models.Model):
    """A company that files with the SEC, identified by its CIK."""

    company_id = models.AutoField("company", primary_key=True, help_text="Identifier, assigned by the database.")
    cik = models.BigIntegerField(
        "CIK",
        unique=True,
        validators=[MinValueValidator(1), MaxValueValidator(9_999_999_999)],
        help_text="Central Index Key at the SEC, 1 to 9999999999.",
    )
    name = models.CharField("name", help_text="Name in SEC records.")
    name_norm = LineField("normalized name", help_text="Name in normalized form, for comparison.")
    sic = LineField("SIC code", null=True, blank=True, help_text="Standard Industrial Classification in SEC records.")
    state_incorp = LineField("state of incorporation", null=True, blank=True, help_text="State of incorporation.")
    country_incorp = LineField("country of incorporation", null=True, blank=True, help_text="Country of incorporation.")
    website_domain = LineField(
        "website domain", null=True, blank=True, help_text="Domain of the website, such as example.com."
    )
    lei = LineField("LEI", null=True, blank=True, help_text="Legal Entity Identifier, ISO 17442.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="Additional data from the loader.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the company was added.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")

    class Meta:
        managed = False
        db_table = "companies"
        ordering = ["name_norm"]
        verbose_name = "company"
        verbose_name_plural = "companies"

    def __str__(self) -> str:
        return self.name


class CompanyAlias(models.Model):
    """Another name of a company, or one of its domains."""

    class AliasType(models.TextChoices):
        AKA = "aka", "also known as"
        DBA = "dba", "doing business as"
        FORMER_NAME = "former_name", "former name"
        SHORT = "short", "short name"
        SUBSIDIARY = "subsidiary", "subsidiary"
        BRAND = "brand", "brand"
        DOMAIN = "domain", "domain"
        OTHER = "other", "other"
        LEGAL = "legal", "legal name"

    alias_id = models.AutoField("alias", primary_key=True, help_text="Identifier, assigned by the database.")
    company = models.ForeignKey(Company, models.DO_NOTHING, related_name="aliases", help_text="The company.")
    alias = LineField("name", help_text="Name as found in the source.")
    alias_norm = LineField("normalized name", help_text="Name in normalized form, for comparison.")
    alias_type = EnumField("type", enum_type="alias_type", choices=AliasType, help_text="Type of name.")
    alias_company = models.ForeignKey(
        Company,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="aliases_elsewhere",
        help_text="Company with this name itself, such as a subsidiary, if known.",
    )
    start_date = models.DateField("from", null=True, blank=True, help_text="First day of use.")
    end_date = models.DateField("until", null=True, blank=True, help_text="Last day of use; NULL if still in use.")
    confidence = models.DecimalField(
        "confidence",
        max_digits=3,
        decimal_places=2,
        null=True,
        blank=True,
        validators=FROM_0_TO_1,
        help_text="Confidence of the alias, from 0 to 1; NULL if unknown.",
    )
    source = LineField("source", null=True, blank=True, help_text="Source of the alias.")
    source_url = LineField("source URL", null=True, blank=True, help_text="Page where the alias was found.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="Additional data from the writer.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the alias was added.")

    class Meta:
        managed = False
        db_table = "company_aliases"
        ordering = ["alias_norm"]
        verbose_name = "company alias"
        verbose_name_plural = "company aliases"
        constraints = [
            models.UniqueConstraint(
                fields=["company", "alias_norm", "alias_type"], name="uq_alias_by_company_norm_type"
            )
        ]

    def __str__(self) -> str:
        return self.alias


class CompanyRelationship(models.Model):
    """A parent and a subsidiary, over a period."""

    pk = models.CompositePrimaryKey("parent_company_id", "child_company_id", "rel_type")
    parent_company = BigForeignKey(
        Company, models.DO_NOTHING, related_name="child_relationships", help_text="Parent company."
    )
    child_company = BigForeignKey(
        Company, models.DO_NOTHING, related_name="parent_relationships", help_text="Child company."
    )
    rel_type = LineField("relationship type", db_default="subsidiary", help_text="Relation of the child to the parent.")
    start_date = models.DateField("from", null=True, blank=True, help_text="First day of the relationship.")
    end_date = models.DateField("until", null=True, blank=True, help_text="Last day; NULL if current.")
    created_at = models.DateTimeField(
        "created", null=True, blank=True, db_default=Now(), help_text="When the row was created."
    )

    class Meta:
        managed = False
        db_table = "company_relationships"
        ordering = ["parent_company_id", "child_company_id", "rel_type"]
        verbose_name = "company relationship"

    def __str__(self) -> str:
        return f"company {self.child_company_id}, {self.rel_type} of company {self.parent_company_id}"


class CompanySecurity(models.Model):
    """A security of a company."""

    pk = models.CompositePrimaryKey("company_id", "security_id")
    company = BigForeignKey(Company, models.DO_NOTHING, related_name="security_links", help_text="The company.")
    security_id = LineField("security", help_text="A securities.security_id or an external identifier, as text.")
    linked_at = models.DateTimeField("linked", db_default=Now(), help_text="When the security was linked.")

    class Meta:
        managed = False
        db_table = "company_securities"
        ordering = ["company_id", "security_id"]
        verbose_name = "company security"
        verbose_name_plural = "company securities"

    def __str__(self) -> str:
        return f"company {self.company_id} and security {self.security_id}"


class CompanyCanonical(models.Model):
    """A company and its ultimate parent over current relationships (no end date). One row per company.

    Of several parents the lowest ID is followed. In a cycle of parents, the member with the lowest ID is the parent.
    """

    company = BigOneToOneField(
        Company,
        models.DO_NOTHING,
        primary_key=True,
        db_constraint=False,
        related_name="canonical",
        help_text="The company.",
    )
    canonical = BigForeignKey(
        Company,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="canonical_of",
        help_text="Ultimate parent; the company itself if it has no parent.",
    )

    class Meta:
        managed = False
        db_table = "v_company_canonical"
        verbose_name = "canonical company"
        verbose_name_plural = "canonical companies"

    def __str__(self) -> str:
        return f"company {self.company_id} under company {self.canonical_id}"


class CompanyTicker(models.Model):
    """A security of a company, with names and ticker.

    The view is adaptive: `issuer_name`, `exchange` and `active` come from columns of those names in `securities` if the
    database has them, and are NULL otherwise. The join compares both sides as text.
    """

    pk = models.CompositePrimaryKey("company_id", "security_id")
    company = models.ForeignKey(
        Company, models.DO_NOTHING, db_constraint=False, related_name="tickers", help_text="The company."
    )
    company_name = models.CharField("company name", help_text="Name of the company.")
    ticker = LineField("ticker", null=True, help_text="Ticker of the security.")
    issuer_name = LineField(
        "issuer name", null=True, help_text="Column of the same name in securities, if it exists there."
    )
    exchange = LineField("exchange", null=True, help_text="Column of the same name in securities, if it exists there.")
    active = LineField("active", null=True, help_text="Column of the same name in securities, if it exists there.")
    security_id = LineField("security", help_text="As in company_securities.")

    class Meta:
        managed = False
        db_table = "v_company_tickers"
        verbose_name = "company ticker"

    def __str__(self) -> str:
        return f"{self.ticker or self.security_id}: {self.company_name}"
