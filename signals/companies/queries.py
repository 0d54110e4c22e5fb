"""Reads of the company pages: companies of a ticker, documents of a company, sponsors without a company."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.db import DataError

from linkaudit.document_view import LEADING_NCT_ID, TITLE_LENGTH
from ncfd_site.core import sql
from securities.queries.listings import ListingPeriod
from storage.models import Document

MAX_DOCUMENTS = 20
# Trials whose documents are searched, those with the latest readout first.
MAX_TRIALS = 1_000
# Trials without a company that are searched for sponsors: the riskiest, or any that match the text.
MAX_SEARCHED = 500
MAX_SPONSORS = 50


@dataclass(frozen=True, slots=True)
class Meaning:
    """The listings of a ticker on a day; `before` and `after` are the nearest ones in time.

    `issuers` are those of the companies that issued the security; `linked` those of other companies with a link to it.
    """

    on: date
    issuers: list[ListingPeriod]
    linked: list[ListingPeriod]
    before: ListingPeriod | None
    after: ListingPeriod | None

    @property
    def claims(self) -> list[ListingPeriod]:
        """All listings on the day, the issuers first."""
        return [*self.issuers, *self.linked]

    @property
    def is_disputed(self) -> bool:
        """True if several companies have the ticker on the day."""
        return len({span.company_id for span in self.claims}) > 1


def resolve_ticker(spans: Sequence[ListingPeriod], on: date) -> Meaning:
    """Return the listings of a ticker on a day, from its history, regardless of the current status of the security."""
    issuers = [span for span in spans if span.is_issuer and span.includes(on)]
    linked = [span for span in spans if not span.is_issuer and span.includes(on)]
    own = list_issuer_periods(spans)
    earlier = [span for span in own if span.after and span.after <= on]
    later = [span for span in own if span.first and span.first > on]
    return Meaning(
        on,
        issuers,
        linked,
        before=max(earlier, key=lambda span: span.after or on, default=None),
        after=min(later, key=lambda span: span.first or on, default=None),
    )


def list_issuer_periods(spans: Sequence[ListingPeriod]) -> list[ListingPeriod]:
    """Return one listing for each security: that of its issuer."""
    return [span for span in spans if span.is_issuer and not span.is_empty]


@dataclass(frozen=True, slots=True)
class CompanyDocument:
    """A document about a company or its trial `nct_id`; `beginning` is the start of its text."""

    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    nct_id: str | None
    beginning: str | None

    @property
    def kind(self) -> str:
        """The label of the publication type."""
        return str(Document.SourceType(self.source_type).label)

    @property
    def title(self) -> str:
        """The first line with words, without the NCT ID in front of it."""
        line = next(filter(None, map(str.strip, (self.beginning or "").splitlines())), "")
        return LEADING_NCT_ID.sub("", line, count=1)


def list_company_documents(company_ids: Sequence[int]) -> list[CompanyDocument]:
    """Return the latest documents about these companies or their trials, each once."""
    return sql.rows(
        """
        WITH own AS (
            SELECT nct_id FROM trials WHERE sponsor_company_id = ANY (%(companies)s)
            ORDER BY est_primary_completion_date DESC NULLS LAST, trial_id LIMIT %(trials)s
        ), links AS (
            SELECT l.doc_id, l.nct_id FROM own JOIN document_links l ON l.nct_id = own.nct_id
            UNION ALL
            SELECT l.doc_id, l.nct_id FROM document_links l WHERE l.company_id = ANY (%(companies)s)
        ), once AS (
            SELECT DISTINCT ON (doc_id) doc_id, nct_id FROM links ORDER BY doc_id, nct_id
        )
        SELECT d.doc_id, d.source_type::text AS source_type, d.source_url, d.publisher, d.published_at,
               latest.nct_id, left(p.text, %(length)s) AS beginning
        FROM (SELECT once.* FROM once JOIN documents d ON d.doc_id = once.doc_id
              ORDER BY d.published_at DESC NULLS LAST, d.doc_id DESC LIMIT %(limit)s) latest
        JOIN documents d ON d.doc_id = latest.doc_id
        LEFT JOIN document_text_pages p ON p.doc_id = d.doc_id AND p.page_no = 1
        ORDER BY d.published_at DESC NULLS LAST, d.doc_id DESC
        """,
        {"companies": list(company_ids), "trials": MAX_TRIALS, "limit": MAX_DOCUMENTS, "length": TITLE_LENGTH},
        of=CompanyDocument,
    )


@dataclass(frozen=True, slots=True)
class UnresolvedSponsor:
    """A sponsor as the registry names it, with its trials among the trials that were read.

    `ignored` is the reason when the resolver excludes it; `p_fail` is the highest of its trials, of `nct_id`.
    """

    sponsor: str
    trials: int
    p_fail: Decimal | None
    nct_id: str
    ignored: str

    @property
    def query(self) -> str:
        """The filter of the list of trials that shows its trials."""
        return urlencode({"sponsor": self.sponsor})


_GROUPED = """
    SELECT t.sponsor_text AS sponsor, count(*)::integer AS trials, max(t.p_fail) AS p_fail,
           (array_agg(t.nct_id ORDER BY t.p_fail DESC NULLS LAST, t.trial_id))[1] AS nct_id, '' AS ignored
    FROM ({trials}) t WHERE btrim(coalesce(t.sponsor_text, '')) <> ''
    GROUP BY t.sponsor_text ORDER BY max(t.p_fail) DESC NULLS LAST, count(*) DESC, t.sponsor_text LIMIT %(limit)s
"""
_RISKIEST = _GROUPED.format(
    trials="""
    SELECT t.trial_id, t.nct_id, t.sponsor_text, s.p_fail
    FROM (SELECT trial_id, p_fail FROM trial_current_scores WHERE sponsor_company_id IS NULL
          ORDER BY p_fail DESC NULLS LAST, trial_id LIMIT %(searched)s) s
    JOIN trials t ON t.trial_id = s.trial_id
    """
)
_SOUGHT = _GROUPED.format(
    trials="""
    SELECT t.trial_id, t.nct_id, t.sponsor_text, s.p_fail
    FROM (SELECT trial_id, nct_id, sponsor_text FROM trials
          WHERE sponsor_company_id IS NULL AND {fits} LIMIT %(searched)s) t
    LEFT JOIN trial_current_scores s ON s.trial_id = t.trial_id
    """
)
_BY_NUMBER = _SOUGHT.replace("{fits}", "nct_id = %(text)s")
_BY_WORDS = _SOUGHT.replace(
    "{fits}", "to_tsvector('simple', coalesce(sponsor_text, '')) @@ plainto_tsquery('simple', %(text)s)"
)
# The sponsors that the resolver ignores, by its own patterns.
_WITH_PATTERNS = """
    SELECT found.sponsor, found.trials, found.p_fail, found.nct_id, coalesce(ignored.about, '') AS ignored
    FROM ({found}) found LEFT JOIN LATERAL (
        SELECT coalesce(i.comment, i.pattern) AS about FROM resolver_ignore_sponsor i
        WHERE found.sponsor ~* i.pattern ORDER BY i.pattern LIMIT 1
    ) ignored ON true ORDER BY found.p_fail DESC NULLS LAST, found.trials DESC, found.sponsor
"""


def list_unresolved_sponsors(text: str) -> list[UnresolvedSponsor]:
    """Return unresolved sponsors: of the riskiest such trials, of one trial, or those with the words of `text`.

    The server refuses an invalid pattern of ignored sponsors; then no sponsor has a reason.
    """
    is_number = text[:3].upper() == "NCT" and text[3:].isdigit()
    query = _RISKIEST if not text else _BY_NUMBER if is_number else _BY_WORDS
    keys = {"searched": MAX_SEARCHED, "limit": MAX_SPONSORS, "text": text.upper() if is_number else text}
    try:
        return sql.rows(_WITH_PATTERNS.format(found=query), keys, of=UnresolvedSponsor)
    except DataError:
        return sql.rows(query, keys, of=UnresolvedSponsor)
