"""Companies, their names, relationships and securities."""

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

    company_id = models.AutoField("company", primary_key=True, help_text="Number of the company, from the database.")
    cik = models.BigIntegerField(
        "CIK",
        unique=True,
        validators=[MinValueValidator(1), MaxValueValidator(9_999_999_999)],
        help_text="Central Index Key at the SEC, up to ten digits, without leading zeros.",
    )
    name = models.CharField("name", help_text="Name as the SEC writes it.")
    name_norm = LineField("normalised name", help_text="The name in the form in which names are compared.")
    sic = LineField("SIC code", null=True, blank=True, help_text="Standard Industrial Classification at the SEC.")
    state_incorp = LineField(
        "state of incorporation", null=True, blank=True, help_text="State where it is incorporated."
    )
    country_incorp = LineField(
        "country of incorporation", null=True, blank=True, help_text="Country where it is incorporated."
    )
    website_domain = LineField(
        "website domain", null=True, blank=True, help_text="Domain of its website, such as example.com."
    )
    lei = LineField("LEI", null=True, blank=True, help_text="Legal Entity Identifier, ISO 17442.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="What else the loader knew.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the company was first known.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")

    class Meta:
        managed = False
        db_table = "companies"
        ordering = ["name_norm"]
        verbose_name = "company"
        verbose_name_plural = "companies"

    def __str__(self) -> str:
        return self.name


class CompanyAlias(models.Model):
    """Another name of a company, or a domain that belongs to it."""

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

    alias_id = models.AutoField("alias", primary_key=True, help_text="Number of the alias, from the database.")
    company = models.ForeignKey(
        Company, models.DO_NOTHING, related_name="aliases", help_text="The company that the name stands for."
    )
    alias = LineField("name", help_text="The name as it was found.")
    alias_norm = LineField("normalised name", help_text="The name in the form in which names are compared.")
    alias_type = EnumField(
        "kind of name", enum_type="alias_type", choices=AliasType, help_text="What kind of name it is."
    )
    alias_company = models.ForeignKey(
        Company,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="aliases_elsewhere",
        help_text="The company that bears the name itself, such as a subsidiary, where it is known as one.",
    )
    start_date = models.DateField("from", null=True, blank=True, help_text="First day on which the name was in use.")
    end_date = models.DateField("until", null=True, blank=True, help_text="Last day; empty while it is in use.")
    confidence = models.DecimalField(
        "confidence",
        max_digits=3,
        decimal_places=2,
        null=True,
        blank=True,
        validators=FROM_0_TO_1,
        help_text="How sure it is that the name is the company's, from 0 to 1; empty where nobody said.",
    )
    source = LineField("source", null=True, blank=True, help_text="Where the name was learnt.")
    source_url = LineField("source URL", null=True, blank=True, help_text="Page on which the name was found.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="What else the writer knew.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the name was first seen.")

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
    """A parent and a child company, with the period of the relationship."""

    pk = models.CompositePrimaryKey("parent_company_id", "child_company_id", "rel_type")
    parent_company = BigForeignKey(
        Company, models.DO_NOTHING, related_name="child_relationships", help_text="The company above."
    )
    child_company = BigForeignKey(
        Company, models.DO_NOTHING, related_name="parent_relationships", help_text="The company below."
    )
    rel_type = LineField(
        "kind of relationship", db_default="subsidiary", help_text="What the lower one is to the upper one."
    )
    start_date = models.DateField("from", null=True, blank=True, help_text="First day of the relationship.")
    end_date = models.DateField("until", null=True, blank=True, help_text="Last day; empty while it holds.")
    created_at = models.DateTimeField(
        "created", null=True, blank=True, db_default=Now(), help_text="When the row was made."
    )

    class Meta:
        managed = False
        db_table = "company_relationships"
        ordering = ["parent_company_id", "child_company_id", "rel_type"]
        verbose_name = "company relationship"

    def __str__(self) -> str:
        return f"company {self.child_company_id}, {self.rel_type} of company {self.parent_company_id}"


class CompanySecurity(models.Model):
    """A link between a company and a security."""

    pk = models.CompositePrimaryKey("company_id", "security_id")
    company = BigForeignKey(Company, models.DO_NOTHING, related_name="security_links", help_text="The company.")
    security_id = LineField(
        "security", help_text="The security, as text: a securities.security_id, or an identifier from elsewhere."
    )
    linked_at = models.DateTimeField("linked", db_default=Now(), help_text="When the link was made.")

    class Meta:
        managed = False
        db_table = "company_securities"
        ordering = ["company_id", "security_id"]
        verbose_name = "company security"
        verbose_name_plural = "company securities"

    def __str__(self) -> str:
        return f"company {self.company_id} and security {self.security_id}"


class CompanyCanonical(models.Model):
    """A company and its ultimate parent over current relationships: itself without a parent."""

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
        help_text="The company at the top; the company itself where it has no parent.",
    )

    class Meta:
        managed = False
        db_table = "v_company_canonical"
        verbose_name = "canonical company"
        verbose_name_plural = "canonical companies"

    def __str__(self) -> str:
        return f"company {self.company_id} under company {self.canonical_id}"


class CompanyTicker(models.Model):
    """A company security with the names of both sides (a view)."""

    pk = models.CompositePrimaryKey("company_id", "security_id")
    company = models.ForeignKey(
        Company, models.DO_NOTHING, db_constraint=False, related_name="tickers", help_text="The company."
    )
    company_name = models.CharField("company name", help_text="Name of the company.")
    ticker = LineField("ticker", null=True, help_text="Ticker of the security.")
    issuer_name = LineField(
        "issuer name", null=True, help_text="Taken from securities, where the database has such a column; else empty."
    )
    exchange = LineField(
        "exchange", null=True, help_text="Taken from securities, where the database has such a column; else empty."
    )
    active = LineField(
        "active", null=True, help_text="Taken from securities, where the database has such a column; else empty."
    )
    security_id = LineField("security", help_text="The security, as text, as company_securities has it.")

    class Meta:
        managed = False
        db_table = "v_company_tickers"
        verbose_name = "company ticker"
        verbose_name_plural = "company tickers"

    def __str__(self) -> str:
        return f"{self.ticker or self.security_id}: {self.company_name}"
