"""What the answers on trials look like, and what may be asked of their list."""

from datetime import date, datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from ncfd_site.api.operations import ListParams, Number, Page, Word

# The choices of the page's form, so that the description of the API tells them.
Phase = Literal[
    "", "EARLY_PHASE1", "PHASE1", "PHASE1/PHASE2", "PHASE2", "PHASE2/PHASE3", "PHASE3", "PHASE4", "NA", "none"
]
Gate = Literal["", "any", "G1", "G2", "G3", "G4"]
Signal = Literal["", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9"]
Band = Literal["", "97", "75", "50", "0", "none"]
Within = Literal["", "30", "90", "180", "365"]
Sort = Literal["risk", "-risk", "change", "-change", "readout", "-readout", "number", "-number"]


class SignalMark(Schema):
    """A signal that fired."""

    code: str
    severity: str | None = Field(description="H high, M medium, L low; null where the run did not say.")


class TrialItem(Schema):
    """A trial and how it stands."""

    nct_id: str
    sponsor: str | None
    company: str | None = Field(description="The company that the sponsor is; null where none was found.")
    cik: int | None
    tickers: list[str] = Field(description="What trades today of that company and of the one at the top of its group.")
    phase: str | None
    is_pivotal: bool
    status: str | None
    indication: str | None
    next_readout: date | None = Field(description="Estimated primary completion.")
    run_id: str | None = Field(description="The run of the score; null where the trial is not scored.")
    scored_at: datetime | None
    p_fail: Number = Field(description="Probability of failure; null where the trial is not scored.")
    change: Number = Field(description="p_fail minus that of the run before; null where there is none.")
    previous_run_id: str | None
    gates: list[str] = Field(description="Codes of the gates that fired.")
    signals: list[SignalMark]


class Trials(Page):
    """Some trials."""

    items: list[TrialItem]


class TrialsAsked(ListParams):
    """Which trials, of which run, in which order."""

    q: Word = Field("", description="A trial number or its beginning, a sponsor, a company, a ticker or a drug.")
    phase: Phase = Field("", description="As the registry writes it; none: unknown.")
    status: Word = Field("", description="As the registry writes it, such as RECRUITING.")
    gate: Gate = Field("", description="G1 to G4: that gate fired; any: at least one did.")
    signal: Signal = Field("", description="S1 to S9: that signal fired.")
    ticker: Word = ""
    sponsor: Word = Field("", description="Beginning of words of the sponsor or of its company's name, or a CIK.")
    band: Band = Field("", description="97, 75, 50 or 0: p_fail from that percentage to the next; none: not scored.")
    within: Within = Field("", description="30, 90, 180 or 365: readout within so many days.")
    from_: date | None = Field(None, alias="from", description="Readout on that day or later.")
    to: date | None = Field(None, description="Readout on that day or earlier.")
    pivotal: Literal["", "yes"] = Field("", description="yes: pivotal trials only.")
    run: Word = Field("", description="Scores of this run; the latest score of each trial where it is left out.")
    sort: Sort = Field("risk", description="A minus turns it round. By change only without run.")


class SignalItem(SignalMark):
    """A signal that fired, with what it rests on."""

    value: Number
    evidence: str | None = Field(description="The words that it rests on.")
    study_id: int | None
    fired_at: datetime


class GateItem(Schema):
    """A gate as the latest run left it."""

    code: str
    fired: bool
    supporting_signals: list[str]
    likelihood_ratio: Number
    rationale: str | None
    evaluated_at: datetime


class EvaluationItem(Schema):
    """What the last evaluation of a signal came to."""

    code: str
    outcome: str = Field(description="fired, not fired, or not evaluated.")
    reason: str
    evidence: Any
    evaluated_at: datetime
    evaluated_by: str


class AssetMark(Schema):
    """A drug that a promoted link ties to the trial."""

    asset_id: int
    name: str
    confidence: Number


class CompanyMark(Schema):
    """A company that a failure would touch."""

    cik: int
    name: str
    role: str = Field(description="What it is to the sponsor.")
    tickers: list[str]


class TrialDetail(TrialItem):
    """A trial with all that speaks for or against it."""

    title: str | None
    primary_endpoint: str | None
    last_update_posted: date | None
    last_seen_at: datetime | None
    signal_rows: list[SignalItem] | None = Field(description="Null for who may not see signals.")
    gate_rows: list[GateItem] | None = Field(description="Null for who may not see gates.")
    evaluations: list[EvaluationItem] | None = Field(description="Null for who may not see signals.")
    companies: list[CompanyMark] | None = Field(description="Null for who may not see companies.")
    assets: list[AssetMark] | None = Field(description="Null for who may not see promoted links.")
