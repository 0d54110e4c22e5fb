"""Exchanges and securities."""

from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import EnumField, LineField
from securities.models.companies import Company


class Exchange(models.Model):
    """An exchange or market; only allowed ones count as US listings."""

    exchange_id = models.AutoField("exchange", primary_key=True, help_text="Number of the exchange, from the database.")
    code = LineField("code", unique=True, help_text="Short name, such as NASDAQ; compared without regard to case.")
    mic = LineField("MIC", null=True, blank=True, unique=True, help_text="Market Identifier Code, ISO 10383.")
    name = LineField("name", help_text="Full name.")
    country = LineField("country", db_default="US", help_text="Country of the market, two letters, ISO 3166-1.")
    is_allowed = models.BooleanField(
        "allowed", db_default=True, help_text="Whether securities listed here count as US-listed."
    )
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="What else the writer knew.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the exchange was first known.")

    class Meta:
        managed = False
        db_table = "exchanges"
        ordering = ["code"]
        verbose_name = "exchange"

    def __str__(self) -> str:
        return self.code


class Listing(models.Model):
    """Fields shared by the table of securities and the materialized view."""

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

    security_id = models.AutoField("security", primary_key=True, help_text="Number of the security, from the database.")
    ticker = LineField("ticker", help_text="Symbol under which it trades, as the source writes it.")
    ticker_norm = LineField("normalised ticker", help_text="The symbol in capital letters.")
    type = EnumField(
        "type",
        enum_type="security_type",
        choices=Type,
        db_default=Type.COMMON,
        help_text="What kind of security it is.",
    )
    status = EnumField(
        "status",
        enum_type="security_status",
        choices=Status,
        db_default=Status.ACTIVE,
        help_text="Whether it trades; one ticker has at most one active security.",
    )
    effective_range = DateRangeField(
        "dates", help_text="Days on which this ticker was this security: first day in, last day out."
    )
    currency = LineField("currency", db_default="USD", help_text="Currency of its price, ISO 4217.")
    is_primary_listing = models.BooleanField(
        "primary listing", db_default=True, help_text="Whether this is where the company is chiefly listed."
    )
    figi = LineField("FIGI", null=True, blank=True, help_text="Financial Instrument Global Identifier.")
    cik = models.BigIntegerField("CIK", null=True, blank=True, help_text="Central Index Key of the issuer at the SEC.")
    metadata = models.JSONField("metadata", blank=True, db_default={}, help_text="What else the loader knew.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the security was first known.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the row was last changed.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.ticker} ({self.status})"


class Security(Listing):
    """A ticker of a company on an exchange for a date range; ranges of a ticker never overlap."""

    company = models.ForeignKey(Company, models.DO_NOTHING, related_name="securities", help_text="The issuer.")
    exchange = models.ForeignKey(
        Exchange, models.DO_NOTHING, related_name="securities", help_text="The exchange where it is listed."
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
    """An active security on an allowed exchange, at the last refresh of the materialized view."""

    company = models.ForeignKey(
        Company, models.DO_NOTHING, db_constraint=False, related_name="active_us_securities", help_text="The issuer."
    )
    exchange = models.ForeignKey(
        Exchange,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="active_us_securities",
        help_text="The exchange where it is listed.",
    )
    exchange_code = LineField("exchange code", help_text="Short name of the exchange.")
    mic = LineField("MIC", null=True, help_text="Market Identifier Code of the exchange, ISO 10383.")

    class Meta:
        managed = False
        db_table = "v_active_us_securities"
        verbose_name = "active US security"
        verbose_name_plural = "active US securities"
