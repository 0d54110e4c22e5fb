"""Exchanges and securities."""

from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import EnumField, LineField
from securities.models.companies import Company


class Exchange(models.Model):
    """An exchange, and whether its securities count as US-listed (an allow-list)."""

    exchange_id = models.AutoField("exchange", primary_key=True, help_text="Identifier, assigned by the database.")
    code = LineField("code", unique=True, help_text="Short name, such as NASDAQ; compared case-insensitively.")
    mic = LineField("MIC", null=True, blank=True, unique=True, help_text="Market Identifier Code, ISO 10383.")
    name = LineField("name", help_text="Full name.")
    country = LineField("country", db_default="US", help_text="Country, two-letter code of ISO 3166-1.")
    is_allowed = models.BooleanField(
        "allowed", db_default=True, help_text="Whether securities listed here count as US-listed."
    )
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="Additional data from the writer.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the exchange was added.")

    class Meta:
        managed = False
        db_table = "exchanges"
        ordering = ["code"]
        verbose_name = "exchange"

    def __str__(self) -> str:
        return self.code


class Listing(models.Model):
    """Common columns of `securities` and the materialized view over it."""

    class Type(models.TextChoices):
        COMMON = "common", "common stock"
        ADR = "adr", "ADR"
        PREFERRED = "preferred", "preferred stock"
        WARRANT = "warrant", "warrant"
        UNIT = "unit", "unit"
        RIGHT = "right", "right"
        ETF = "etf", "ETF"
        OTHER = "other", "other"

    class Status(models.TextChoices):
        ACTIVE = "active", "active"
        DELISTED = "delisted", "delisted"
        SUSPENDED = "suspended", "suspended"
        PENDING = "pending", "pending"
        ACQUIRED = "acquired", "acquired"

    security_id = models.AutoField("security", primary_key=True, help_text="Identifier, assigned by the database.")
    ticker = LineField("ticker", help_text="Ticker as in the source.")
    ticker_norm = LineField("normalized ticker", help_text="Ticker in capital letters.")
    type = EnumField(
        "type",
        enum_type="security_type",
        choices=Type,
        db_default=Type.COMMON,
        help_text="Type of security.",
    )
    status = EnumField(
        "status",
        enum_type="security_status",
        choices=Status,
        db_default=Status.ACTIVE,
        help_text="Trading status; a ticker has at most one active security.",
    )
    effective_range = DateRangeField(
        "dates", help_text="Days on which the ticker denoted this security; the first day is included, the last is not."
    )
    currency = LineField("currency", db_default="USD", help_text="Trading currency, ISO 4217.")
    is_primary_listing = models.BooleanField(
        "primary listing", db_default=True, help_text="Whether this is the primary listing of the company."
    )
    figi = LineField("FIGI", null=True, blank=True, help_text="Financial Instrument Global Identifier.")
    cik = models.BigIntegerField("CIK", null=True, blank=True, help_text="Central Index Key of the issuer.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="Additional data from the loader.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the security was added.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last updated.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.ticker} ({self.status})"


class Security(Listing):
    """A ticker of a company on an exchange, over a range of dates.

    The exclusion constraint `ex_no_overlap_ticker` rejects overlapping date ranges of one ticker.
    """

    company = models.ForeignKey(Company, models.DO_NOTHING, related_name="securities", help_text="The issuer.")
    exchange = models.ForeignKey(
        Exchange, models.DO_NOTHING, related_name="securities", help_text="Exchange of the listing."
    )

    class Meta:
        managed = False
        db_table = "securities"
        ordering = ["ticker_norm"]
        verbose_name = "security"
        verbose_name_plural = "securities"
        constraints = [
            models.UniqueConstraint(
                fields=["ticker_norm"], condition=models.Q(status="active"), name="uq_active_ticker_global"
            )
        ]


class ActiveUSSecurity(Listing):
    """An active security on an allowed exchange, as of the last refresh of the materialized view."""

    company = models.ForeignKey(
        Company, models.DO_NOTHING, db_constraint=False, related_name="active_us_securities", help_text="The issuer."
    )
    exchange = models.ForeignKey(
        Exchange,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="active_us_securities",
        help_text="Exchange of the listing.",
    )
    exchange_code = LineField("exchange code", help_text="Short name of the exchange.")
    mic = LineField("MIC", null=True, help_text="Market Identifier Code of the exchange, ISO 10383.")

    class Meta:
        managed = False
        db_table = "v_active_us_securities"
        verbose_name = "active US security"
        verbose_name_plural = "active US securities"
