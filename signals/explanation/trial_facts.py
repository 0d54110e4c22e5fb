"""The facts and scores of one trial, for its page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User

from linkaudit.blinding import TRIAL_LINK, exclude_blind, list_blind
from linkaudit.loading.hp2 import ALIAS_LINK, RECORD_LINK
from linkaudit.models import Asset, TrialAssetLink
from ncfd_site.core import sql
from ncfd_site.core.formatting import unescape_markdown
from signals.models import IS_IN_COMPLETE_RUN, Score
from signals.trials.run_record import read_json

MOST_RUNS = 60
MOST_ASSETS = 20
# So many drugs are named beside the links of a heuristic.
MOST_DRUGS = 5


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """A trial with the title of its latest version; None where the registry has no value."""

    trial_id: int
    nct_id: str
    sponsor_text: str | None
    sponsor_company_id: int | None
    phase: str | None
    indication: str | None
    is_pivotal: bool
    status: str | None
    primary_endpoint_text: str | None
    est_primary_completion_date: date | None
    last_update_posted_date: date | None
    last_seen_at: datetime | None
    title: str | None
    captured_at: datetime | None
    versions: int

    @property
    def about(self) -> str:
        """The title or indication; "" without either."""
        return (self.title or self.indication or "").strip()


_TRIAL = """
    SELECT t.trial_id, t.nct_id, t.sponsor_text, t.sponsor_company_id, t.phase, left(t.indication, 300) AS indication,
           t.is_pivotal, t.status, left(t.primary_endpoint_text, 2000) AS primary_endpoint_text,
           t.est_primary_completion_date, t.last_update_posted_date, t.last_seen_at, v.title, v.captured_at,
           (SELECT count(*) FROM trial_versions n WHERE n.trial_id = t.trial_id) AS versions
    FROM trials t
    LEFT JOIN LATERAL (
        SELECT left(raw_jsonb #>> '{protocolSection,identificationModule,briefTitle}', 300) AS title, captured_at
        FROM trial_versions WHERE trial_id = t.trial_id
        ORDER BY sha256 IS NOT DISTINCT FROM t.current_sha256 DESC, captured_at DESC, trial_version_id DESC LIMIT 1
    ) v ON true
    WHERE t.nct_id = ANY(%s) ORDER BY t.nct_id = %s DESC LIMIT 1
"""

_CURRENT_ID = f"""
SELECT current.nct_id FROM document_links former
JOIN document_links current ON current.doc_id = former.doc_id AND current.link_type = '{RECORD_LINK}'
WHERE former.nct_id = %s AND former.link_type = '{ALIAS_LINK}' ORDER BY current.doc_id DESC LIMIT 1
"""  # noqa: S608 (constants)


def load_trial_facts(nct_id: str) -> TrialFacts | None:
    """Return a trial by its NCT ID or an earlier one, in any letter case; None if there is none.

    The registry's texts are Markdown; they are returned without its escapes.
    """
    if "\0" in nct_id:
        return None
    found = sql.rows(_TRIAL, [[nct_id, nct_id.upper()], nct_id], of=TrialFacts)
    if not found and (current := sql.value(_CURRENT_ID, [nct_id.upper()])):
        found = sql.rows(_TRIAL, [[current], current], of=TrialFacts)
    if not found:
        return None
    names = ("title", "indication", "primary_endpoint_text")
    shown: dict[str, Any] = {name: unescape_markdown(getattr(found[0], name) or "") or None for name in names}
    return replace(found[0], **shown)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A score as stored; `metadata` is JSON text, read for the run that is shown alone."""

    score_id: int
    trial_id: int
    run_id: str
    prior_pi: Decimal
    logit_prior: Decimal
    sum_log_lr: Decimal
    logit_post: Decimal
    p_fail: Decimal
    features_frozen_at: datetime | None
    scored_at: datetime
    metadata: str | None
    place: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run in the history of a trial, with the change since the run before where that is known."""

    run_id: str
    p_fail: Decimal
    scored_at: datetime
    change: Decimal | None
    place: int

    @property
    def query(self) -> str:
        """The part of the address that shows this run."""
        return urlencode({"run": self.run_id})


@dataclass(frozen=True, slots=True)
class Scored:
    """The score that is shown, and the runs of the trial, the newest first. `metadata_is_readable` is of the score."""

    score: Score
    metadata_is_readable: bool
    runs: list[Run]
    is_latest: bool

    @property
    def shown(self) -> Run:
        """The run that is shown."""
        return next(run for run in self.runs if run.run_id == self.score.run_id)


_SCORES = f"""
    SELECT score_id, trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail, features_frozen_at,
           scored_at, CASE WHEN run_id = %(run)s OR (%(run)s = '' AND place = 1) THEN metadata::text END AS metadata,
           place
    FROM (SELECT *, row_number() OVER (ORDER BY scored_at DESC, score_id DESC) AS place
          FROM scores WHERE trial_id = %(trial)s AND {IS_IN_COMPLETE_RUN}) s
    WHERE place <= %(most)s OR run_id = %(run)s
    ORDER BY place
"""  # noqa: S608 (a constant)


def load_score(trial_id: int, run_id: str = "") -> Scored | None:
    """Return the score of a trial in a run ("": the latest) with all its runs; None if the trial has no such score."""
    if "\0" in run_id:
        return None
    # One more than is shown: the change of the oldest shown is against it.
    found = sql.rows(_SCORES, {"run": run_id, "trial": trial_id, "most": MOST_RUNS + 1}, of=ScoreRow)
    wanted = next((row for row in found if not run_id or row.run_id == run_id), None)
    if wanted is None:
        return None
    metadata = read_json(wanted.metadata)
    columns = {name: value for name, value in asdict(wanted).items() if name not in ("metadata", "place")}
    score = Score(**columns, metadata=metadata.value)
    runs = [run for run in _build_runs(found) if run.place <= MOST_RUNS or run.run_id == wanted.run_id]
    return Scored(score, metadata.is_readable, runs, is_latest=wanted.place == 1)


def _build_runs(rows: Sequence[ScoreRow]) -> list[Run]:
    before = {row.place - 1: row.p_fail for row in rows}
    return [
        Run(
            row.run_id,
            row.p_fail,
            row.scored_at,
            row.p_fail - before[row.place] if row.place in before else None,
            row.place,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class LinkCountRow:
    """The claims of one heuristic that name a drug in this trial; the assets are those of claims not called wrong."""

    heuristic: str
    open: int
    right: int
    wrong: int
    drugs: int
    asset_ids: list[int]
    names: list[str]


@dataclass(frozen=True, slots=True)
class LinkCount:
    """The links of a heuristic to a trial, counted by label, and the drugs of links not labeled wrong."""

    heuristic: str
    open: int
    right: int
    wrong: int
    drugs: list[str]
    other_drugs: int

    @property
    def query(self) -> str:
        """The part of the address that lists the links of the heuristic, "" where it has no name."""
        return urlencode({"heuristic": self.heuristic}) if self.heuristic else ""


_LINKS = """
    WITH counted AS (
        SELECT coalesce(heuristic_applied, '') AS heuristic,
               count(*) FILTER (WHERE label IS NULL) AS open,
               count(*) FILTER (WHERE label) AS "right",
               count(*) FILTER (WHERE NOT label) AS wrong,
               coalesce(array_agg(DISTINCT asset_id) FILTER (WHERE label IS NOT FALSE), '{}') AS assets
        FROM link_audit WHERE nct_id = %(nct_id)s AND audit_id <> ALL (%(hidden)s) GROUP BY 1
    )
    SELECT heuristic, open, "right", wrong, cardinality(assets) AS drugs, named.asset_ids, named.names
    FROM counted CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(asset_id ORDER BY asset_id), '{}') AS asset_ids,
               coalesce(array_agg(names_jsonb::text ORDER BY asset_id), '{}') AS names
        FROM assets WHERE asset_id = ANY(assets[1:%(most)s])
    ) named
    ORDER BY heuristic
"""


def count_links(nct_id: str, user: User) -> list[LinkCount]:
    """Count the links to a trial by heuristic and label, with the names of their drugs.

    Links hidden from the user are not counted.
    """
    found, values = [], {"nct_id": nct_id, "most": MOST_DRUGS, "hidden": list_blind(user, nct_id=nct_id)}
    for row in sql.rows(_LINKS, values, of=LinkCountRow):
        assets = zip(row.asset_ids, row.names, strict=True)
        drugs = [Asset(asset_id=asset_id, names_jsonb=read_json(names).value).name for asset_id, names in assets]
        found.append(LinkCount(row.heuristic, row.open, row.right, row.wrong, drugs, row.drugs - len(drugs)))
    return found


def list_promoted_assets(trial_id: int, user: User) -> list[TrialAssetLink]:
    """Return the promoted links of a trial with their assets, highest confidence first.

    Those of links hidden from the user are omitted.
    """
    links = TrialAssetLink.objects.filter(trial_id=trial_id, status="active").select_related("asset")
    return list(
        exclude_blind(links, user, **TRIAL_LINK)
        .defer("evidence_jsonb", "notes")
        .order_by("-confidence", "xref_id")[:MOST_ASSETS]
    )


@dataclass(frozen=True, slots=True)
class ExposedCompany:
    """A company that a trial's failure would touch, what it is to the sponsor, and its active tickers."""

    company_id: int
    cik: int
    name: str
    role: str
    tickers: list[str]


_EXPOSED = r"""
    WITH sponsor AS (
        SELECT %(company)s::bigint AS company_id,
               CASE WHEN EXISTS (SELECT FROM company_relationships
                                 WHERE child_company_id = %(company)s AND end_date IS NULL)
                    THEN (SELECT canonical_id FROM v_company_canonical WHERE company_id = %(company)s) END AS above
    ), family AS (
        SELECT company_id, 1 AS rank, 'sponsor' AS role FROM sponsor
        UNION ALL
        SELECT above, 2, 'at the top of the sponsor''s group' FROM sponsor WHERE above <> company_id
        UNION ALL
        SELECT parent_company_id, 3, 'parent of the sponsor' FROM company_relationships r, sponsor s
        WHERE child_company_id = s.company_id AND parent_company_id <> s.company_id AND end_date IS NULL
        UNION ALL
        SELECT child_company_id, 4, rel_type || ' of the sponsor' FROM company_relationships r, sponsor s
        WHERE parent_company_id = s.company_id AND child_company_id <> s.company_id AND end_date IS NULL
    ), once AS (
        SELECT DISTINCT ON (company_id) company_id, rank, role FROM family ORDER BY company_id, rank
    )
    SELECT c.company_id, c.cik, c.name, o.role, coalesce(listed.tickers, '{}') AS tickers
    FROM once o JOIN companies c USING (company_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT s.ticker ORDER BY s.ticker) AS tickers FROM securities s
        WHERE s.status = 'active' AND (s.company_id = c.company_id OR s.security_id IN (
            SELECT cs.security_id::integer FROM company_securities cs
            WHERE cs.company_id = c.company_id AND cs.security_id ~ '^[0-9]{1,9}$'))
    ) listed
    ORDER BY o.rank, c.name_norm LIMIT 50
"""


def list_exposed_companies(sponsor_company_id: int) -> list[ExposedCompany]:
    """Return the sponsor's company, its parents, ultimate parent and subsidiaries, at most 50, with active tickers."""
    return sql.rows(_EXPOSED, {"company": sponsor_company_id}, of=ExposedCompany)
