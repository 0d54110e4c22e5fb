"""Schemas of trials, and the parameters of their list."""

from datetime import date, datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from ncfd_site.api.operations import ListParams, Number, Page, Word

# The choices of the page's form, so that the API description lists them.
Phase = Literal[
    "", "EARLY_PHASE1", "PHASE1", "PHASE1/PHASE2", "PHASE2", "PHASE2/PHASE3", "PHASE3", "PHASE4", "NA", "none"
]
Gate = Literal["", "any", "G1", "G2", "G3", "G4"]
Signal = Literal["", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9"]
Band = Literal["", "97", "75", "50", "25", "0", "none"]
Sort = Literal["risk", "-risk", "change", "-change", "readout", "-readout", "number", "-number"]


class SignalMark(Schema):
    """A fired signal."""

    code: str
    severity: str | None = Field(description="H high, M medium, L low; null if the run did not record it.")


class TrialItem(Schema):
    """A trial with its score."""

    nct_id: str
    sponsor: str | None
    company: str | None = Field(description="Company of the sponsor; null if unresolved.")
    cik: int | None
    tickers: list[str] = Field(description="Active tickers of the company and of its ultimate parent.")
    phase: str | None
    is_pivotal: bool
    status: str | None
    indication: str | None
    next_readout: date | None = Field(description="Estimated primary completion date.")
    run_id: str | None = Field(description="Run of the score; null if not scored.")
    scored_at: datetime | None
    p_fail: Number = Field(description="Probability of failure; null if not scored.")
    change: Number = Field(description="p_fail minus that of the previous run; null without one.")
    previous_run_id: str | None
    gates: list[str] = Field(description="Codes of the fired gates.")
    signals: list[SignalMark]


class Trials(Page):
    """A page of trials."""

    items: list[TrialItem]


class TrialsParams(ListParams):
    """Filters and order of trials."""

    q: Word = Field("", description="NCT ID or its start, sponsor, company, ticker or drug.")
    phase: Phase = Field("", description="As the registry writes it; none: unknown.")
    status: Word = Field("", description="As the registry writes it, such as RECRUITING.")
    gate: Gate = Field("", description="Fired gate; any: at least one.")
    signal: Signal = Field("", description="Fired signal.")
    ticker: Word = Field("", description="Ticker of the sponsor's company.")
    sponsor: Word = Field("", description="Start of words in the name of the sponsor or its company, or a CIK.")
    band: Band = Field("", description="p_fail from this percentage to the next band; none: not scored.")
    within: int | None = Field(None, ge=0, le=36_500, description="Readout within this number of days.")
    from_: date | None = Field(None, alias="from", description="Earliest readout date.")
    to: date | None = Field(None, description="Latest readout date.")
    pivotal: Literal["", "yes", "no"] = Field("", description="yes: only pivotal trials; no: only others.")
    run: Word = Field("", description="Run of the scores (default: the current score of each trial).")
    sort: Sort = Field("risk", description="Prefix - for the reverse order. `change` only without `run`.")


class SignalItem(SignalMark):
    """A fired signal with its evidence."""

    value: Number
    evidence: str | None = Field(description="Quoted evidence.")
    study_id: int | None
    fired_at: datetime


class GateItem(Schema):
    """A current gate."""

    code: str
    fired: bool
    supporting_signals: list[str]
    likelihood_ratio: Number
    rationale: str | None
    evaluated_at: datetime


class EvaluationItem(Schema):
    """The latest evaluation of a signal."""

    code: str
    outcome: str = Field(description="fired, not fired or not evaluated.")
    reason: str
    evidence: Any
    evaluated_at: datetime
    evaluated_by: str


class AssetMark(Schema):
    """A drug linked to the trial by a promoted link."""

    asset_id: int
    name: str
    confidence: Number


class CompanyMark(Schema):
    """A company that is exposed to the trial."""

    cik: int
    name: str
    role: str = Field(description="Relation to the sponsor.")
    tickers: list[str]


class TrialDetail(TrialItem):
    """A trial with signals, gates, evaluations, companies and assets."""

    title: str | None
    primary_endpoint: str | None
    last_update_posted: date | None
    last_seen_at: datetime | None
    signal_rows: list[SignalItem] | None = Field(description="Null without permission to view signals.")
    gate_rows: list[GateItem] | None = Field(description="Null without permission to view gates.")
    evaluations: list[EvaluationItem] | None = Field(description="Null without permission to view signals.")
    companies: list[CompanyMark] | None = Field(description="Null without permission to view companies.")
    assets: list[AssetMark] | None = Field(description="Null without permission to view promoted links.")
