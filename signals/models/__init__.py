"""Trials with their history, published studies, signals, gates and scores."""

from signals.models.ingest import IngestRun, IngestState
from signals.models.scoring import Gate, Score, Signal, SignalEvaluation, TrialCurrentScore
from signals.models.studies import StagingError, Study
from signals.models.trials import RegistryHistoryVersion, Trial, TrialVersion
