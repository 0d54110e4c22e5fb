"""Sponsors of trials that no company was found for."""

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.db import DataError

from ncfd_site.core import sql

# Trials without company that are looked at, the riskiest first; of a search, so many that fit it.
LOOKED_AT = 500
SHOWN = 50


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
    GROUP BY t.sponsor_text ORDER BY max(t.p_fail) DESC NULLS LAST, count(*) DESC, t.sponsor_text LIMIT %(shown)s
"""
_RISKIEST = _GROUPED.format(
    trials="""
    SELECT t.trial_id, t.nct_id, t.sponsor_text, s.p_fail
    FROM (SELECT trial_id, p_fail FROM trial_current_scores WHERE sponsor_company_id IS NULL
          ORDER BY p_fail DESC NULLS LAST, trial_id LIMIT %(looked_at)s) s
    JOIN trials t ON t.trial_id = s.trial_id
    """
)
_SOUGHT = _GROUPED.format(
    trials="""
    SELECT t.trial_id, t.nct_id, t.sponsor_text, s.p_fail
    FROM (SELECT trial_id, nct_id, sponsor_text FROM trials
          WHERE sponsor_company_id IS NULL AND {fits} LIMIT %(looked_at)s) t
    LEFT JOIN trial_current_scores s ON s.trial_id = t.trial_id
    """
)
_BY_NUMBER = _SOUGHT.replace("{fits}", "nct_id = %(text)s")
_BY_WORDS = _SOUGHT.replace(
    "{fits}", "to_tsvector('simple', coalesce(sponsor_text, '')) @@ plainto_tsquery('simple', %(text)s)"
)


# The patterns that the resolver leaves alone, as it reads them.
_WITH_PATTERNS = """
    SELECT found.sponsor, found.trials, found.p_fail, found.nct_id, coalesce(ignored.about, '') AS ignored
    FROM ({found}) found LEFT JOIN LATERAL (
        SELECT coalesce(i.comment, i.pattern) AS about FROM resolver_ignore_sponsor i
        WHERE found.sponsor ~* i.pattern ORDER BY i.pattern LIMIT 1
    ) ignored ON true ORDER BY found.p_fail DESC NULLS LAST, found.trials DESC, found.sponsor
"""


def unresolved_sponsors(text: str) -> list[UnresolvedSponsor]:
    """Return unresolved sponsors: of the riskiest such trials, of one trial, or those with the words of `text`.

    The server refuses an invalid pattern of ignored sponsors; then no sponsor has a reason.
    """
    is_number = text[:3].upper() == "NCT" and text[3:].isdigit()
    query = _RISKIEST if not text else _BY_NUMBER if is_number else _BY_WORDS
    keys = {"looked_at": LOOKED_AT, "shown": SHOWN, "text": text.upper() if is_number else text}
    try:
        return sql.rows(_WITH_PATTERNS.format(found=query), keys, of=UnresolvedSponsor)
    except DataError:
        return sql.rows(query, keys, of=UnresolvedSponsor)
