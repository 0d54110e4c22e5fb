"""Trials with their history, published studies, signals, gates and scores."""

from signals.models.ingest import IngestRun, IngestState
from signals.models.scoring import (
    IS_IN_COMPLETE_RUN,
    Gate,
    Score,
    ScoreRun,
    Signal,
    SignalEvaluation,
    TrialCurrentScore,
)
from signals.models.studies import StagingError, Study
from signals.models.trials import RegistryHistoryVersion, Trial, TrialVersion
