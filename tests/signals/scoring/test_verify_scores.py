"""verify_scores: finds out-of-band changes, and nothing else."""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from functools import reduce
from io import StringIO
from operator import getitem
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.models import Gate, Score, Signal, Trial
from signals.scoring.run import score_trials
from signals.scoring.verification import Mismatch, VerificationCounts, find_mismatches
from tests.signals.scoring.rows import ago, ahead, make_evaluation, make_signals, make_study, make_trial, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def trial() -> Trial:
    """A scored trial with two fired gates, a late signal and a stop rule, beside other trials."""
    trial = make_trial(nct_id="NCT01234567", est_primary_completion_date=ahead(10))
    make_signals(trial, "S1H", "S2M", "S8M", fired_at=ago(20))
    make_signals(trial, "S9M", "S3H", fired_at=ago(1))
    make_evaluation(trial, "S4", "not fired", ago(2))
    make_study(
        trial=trial,
        extracted_jsonb={"design": {"endpoint_changed_after_last_randomised": True}},
        updated_at=ago(30),
    )
    make_signals(make_trial(phase="PHASE1"), "S5M", "S6L")
    make_trial(phase="PHASE4")
    score_trials("before")
    score_trials("one")
    return trial


def found(run_id: str | None = None) -> list[Mismatch]:
    return list(find_mismatches(VerificationCounts(), run_id))


def test_results_of_score_trials_have_no_mismatch(trial: Trial) -> None:
    out = StringIO()
    call_command("verify_scores", stdout=out)
    assert out.getvalue().splitlines() == ["Verified 6 scores and 12 gates.", "No mismatches."]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("prior_pi", "0.42001", "0.42000"),
        ("logit_prior", "-0.322774", "-0.322773"),
        ("sum_log_lr", "2.525730", "2.525729"),
        ("logit_post", "2.202956", "2.202955"),
        ("p_fail", "0.97001", "0.97000"),
        ("p_fail", "0.90052", "0.97000"),
    ],
)
def test_column_changed_by_one_digit_is_reported(trial: Trial, column: str, value: str, expected: str) -> None:
    Score.objects.filter(trial=trial, run_id="one").update(**{column: value})
    assert found() == [Mismatch("scores", "NCT01234567", "one", "score", column, value, expected)]
    assert found("before") == []
    assert len(found("one")) == 1


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({"gates": {}}, {"sum_log_lr", "logit_post", "metadata.gates"}),
        (
            {"gates": {"G1": {"lr_used": 5.0, "supporting_S_ids": ["S2", "S1"]}}},
            {"sum_log_lr", "logit_post", "metadata.gates"},
        ),
        ({"prior": {"phase": "PHASE3", "value": 0.43}}, {"prior_pi", "logit_prior", "logit_post", "metadata.prior"}),
        ({"prior": {"phase": "NA", "value": 0.42}}, {"metadata.prior"}),
        ({"stop_rules": []}, {"p_fail"}),
        ({"stop_rules": [{"rule": "hunch", "p_fail_at_least": 0.97}]}, {"metadata.stop_rules"}),
        ({"signals": {"S1": "L", "S2": "M", "S8": "M"}}, {"metadata.gates.G1"}),
        ({"not_evaluated": []}, {"metadata.signals"}),
        ({"late": None, "not_evaluated": 7}, {"metadata.signals"}),
        ({"signals": {"S1": "h", "S2": "M", "S8": "M"}}, {"metadata.signals", "metadata.gates"}),
        ({"as_of": "2025-01-01"}, {"scored_at", "metadata.as_of"}),
        ({"as_of": "some day"}, {"metadata.as_of"}),
        ({"as_of": 7}, {"metadata.as_of"}),
        ({"table_version": "2020-01"}, {"metadata.table_version"}),
        ({"table_version": None}, {"metadata.table_version"}),
        ({"prior": 0.42}, {"metadata.prior"}),
        ({"prior": {"phase": "PHASE3", "value": "NaN"}}, {"metadata.prior"}),
        ({"gates": 7}, {"metadata.gates"}),
        ({"stop_rules": 7}, {"p_fail", "metadata.stop_rules"}),
    ],
)
def test_changed_metadata_is_reported(trial: Trial, change: dict[str, Any], columns: set[str]) -> None:
    one = Score.objects.get(trial=trial, run_id="one")
    one.metadata |= change
    one.save()
    assert {one.column for one in found() if one.table == "scores"} == columns


def test_missing_metadata_key_is_reported(trial: Trial) -> None:
    one = Score.objects.get(trial=trial, run_id="one")
    whole = one.metadata
    assert len(whole) == 9
    for key in whole:
        one.metadata = {name: value for name, value in whole.items() if name != key}
        one.save()
        named = {one.column for one in found("one") if one.table == "scores"}
        assert f"metadata.{key}" in named
    one.metadata = {}
    one.save()
    assert {one.column for one in found() if one.table == "scores"} == {"metadata.table_version"}


def values_of(part: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in metadata."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, inner in pairs:
        yield from values_of(inner, (*place, key))
    if place and not isinstance(part, dict | list):
        yield place


@pytest.mark.parametrize("other", ["S4", "else", 7.5, None, True, {}, [], "NaN", "Infinity", "1e999999999", -1e300])
def test_every_changed_value_in_score_metadata_is_reported(trial: Trial, other: Any) -> None:
    one = Score.objects.get(trial=trial, run_id="one")
    whole = one.metadata
    places = list(values_of(whole))
    # Every key has a value to change.
    assert {place[0] for place in places} == set(whole)
    for place in places:
        one.metadata = deepcopy(whole)
        inner = reduce(getitem, place[:-1], one.metadata)
        if inner[place[-1]] == other and type(inner[place[-1]]) is type(other):
            continue
        inner[place[-1]] = other
        one.save()
        assert {row.nct_id for row in found("one")} == {trial.nct_id}, place


@pytest.mark.parametrize("other", ["S4", "else", 7.5, None, {}, []])
def test_every_changed_value_in_gate_metadata_is_reported(trial: Trial, other: Any) -> None:
    tried = set()
    for gate in Gate.objects.filter(trial=trial):
        whole = gate.metadata
        for place in values_of(whole):
            gate.metadata = deepcopy(whole)
            inner = reduce(getitem, place[:-1], gate.metadata)
            tried.add(place[0])
            if inner[place[-1]] == other:
                continue
            inner[place[-1]] = other
            gate.save()
            assert {row.nct_id for row in found()} == {trial.nct_id}, (gate.g_id, place)
        gate.metadata = whole
        gate.save()
    assert tried == {"run_id", "table_version", "signals", "late", "not_fired"}
    assert found() == []


def test_extreme_metadata_does_not_stop_the_verification(trial: Trial) -> None:
    with connection.cursor() as cursor:
        for metadata in ('{"gates": {"G1": 1e5000}, "prior": {"value": 1e5000}}', "[" * 5000 + "]" * 5000, "7"):
            cursor.execute("UPDATE scores SET metadata = %s WHERE run_id = 'one'", [metadata])
            cursor.execute("UPDATE gates SET metadata = %s WHERE \"G_id\" = 'G1'", [metadata])
            assert found() or metadata == "7"


def test_run_has_one_table_version_and_one_date(trial: Trial) -> None:
    score_trials("then", as_of=ago(30).date())
    Score.objects.filter(trial=trial, run_id="one").update(metadata={"table_version": "2020-01"})
    assert [(one.nct_id, one.column, one.expected) for one in found("one") if one.table == "scores"] == [
        (trial.nct_id, "metadata.table_version", "2026-11, as in most of the run")
    ]


def test_scores_of_a_backtest_have_its_date(trial: Trial) -> None:
    make_version(trial, ago(60))
    score_trials("then", as_of=ago(30).date())
    assert found("then") == []
    Score.objects.filter(run_id="then").update(scored_at=ago(29))
    assert [one.column for one in found("then")] == ["scored_at"]


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({"scored_at": ago(-1)}, ["scored_at"]),
        ({"features_frozen_at": None}, ["features_frozen_at"]),
        ({"features_frozen_at": ago(10).replace(hour=1)}, ["features_frozen_at"]),
    ],
)
def test_impossible_times_are_reported(trial: Trial, change: dict[str, Any], columns: list[str]) -> None:
    Score.objects.filter(trial=trial, run_id="before").update(**change)
    assert [one.column for one in found()] == columns


def test_gate_in_the_future_is_reported(trial: Trial) -> None:
    Gate.objects.filter(trial=trial, g_id="G2").update(evaluated_at=ago(-1))
    assert ("G2", "evaluated_at") in {(one.row, one.column) for one in found()}


def test_gate_without_score_is_reported(trial: Trial) -> None:
    Score.objects.filter(trial=trial, run_id="one").delete()
    named = [(one.row, one.column) for one in found("one") if one.column == "metadata.run_id"]
    assert named == [(code, "metadata.run_id") for code in ("G1", "G2", "G3", "G4")]


def test_unknown_run_is_a_usage_error(trial: Trial) -> None:
    with pytest.raises(CommandError, match="There is no run two") as raised:
        call_command("verify_scores", "--run-id", "two", stdout=StringIO())
    assert raised.value.returncode == 2


def test_statement_count_is_independent_of_trial_count(trial: Trial) -> None:
    with CaptureQueriesContext(connection) as few:
        found()
    for _ in range(20):
        make_signals(make_trial(), "S3M", "S4H")
    score_trials("three")
    with CaptureQueriesContext(connection) as many:
        found()
    assert len(many) == len(few) <= 13


def test_freeze_after_the_score_is_reported(trial: Trial) -> None:
    one = Score.objects.get(trial=trial, run_id="before")
    one.features_frozen_at = one.scored_at + timedelta(days=1)
    one.save()
    assert [one.column for one in found()] == ["features_frozen_at"]


@pytest.mark.parametrize(
    ("gate", "change", "columns"),
    [
        ("G1", {"fired_bool": False}, {"fired_bool"}),
        ("G2", {"fired_bool": True}, {"fired_bool"}),
        ("G1", {"lr_used": "3.5"}, {"lr_used"}),
        ("G1", {"lr_used": None}, {"lr_used"}),
        ("G3", {"lr_used": "4.2"}, {"lr_used"}),
        ("G1", {"supporting_s_ids": ["S1"]}, {"supporting_S_ids"}),
        ("G3", {"supporting_s_ids": ["S5"]}, {"supporting_S_ids"}),
        ("G4", {"rationale_text": "Because."}, {"rationale_text"}),
        ("G4", {"rationale_text": None}, {"rationale_text"}),
        ("G1", {"metadata": {}}, {"metadata.run_id", "metadata.table_version", "metadata.signals"}),
        ("G1", {"metadata": [1]}, {"metadata.run_id", "metadata.table_version", "metadata.signals"}),
    ],
)
def test_changed_gate_is_reported(trial: Trial, gate: str, change: dict[str, Any], columns: set[str]) -> None:
    Gate.objects.filter(trial=trial, g_id=gate).update(**change)
    mismatches = found()
    assert {one.column for one in mismatches} == columns
    assert {(one.table, one.nct_id) for one in mismatches} <= {("gates", "NCT01234567")}


def test_missing_gate_is_reported(trial: Trial) -> None:
    Gate.objects.get(trial=trial, g_id="G2").delete()
    assert [one.sentence for one in found()] == [
        "NCT01234567, run one, gates: rows is G1, G3, G4, expected G1, G2, G3, G4"
    ]


def test_signal_changed_without_evaluation_is_reported(trial: Trial) -> None:
    Signal.objects.filter(trial=trial, s_id="S2").update(severity="L")
    assert [(one.row, one.column, one.stored, one.expected) for one in found()] == [
        ("G1", "metadata.signals.S2", "M", "L")
    ]
    Signal.objects.filter(trial=trial, s_id="S2").delete()
    assert [(one.row, one.column, one.stored, one.expected) for one in found()] == [
        ("G1", "metadata.signals.S2", "M", "nothing")
    ]


def test_signals_after_the_evaluation_make_gates_stale() -> None:
    trial = make_trial()
    score_trials("one")
    make_signals(trial, "S3M", "S4M", fired_at=ago(-1 / 24))
    counts = VerificationCounts()
    assert list(find_mismatches(counts)) == []
    # G2 and G4 depend on S3.
    assert counts.stale == 2


def test_earlier_signal_found_later_makes_gates_stale() -> None:
    trial = make_trial()
    score_trials("one")
    make_signals(trial, "S7M", fired_at=ago(400))
    make_evaluation(trial, "S7", "fired", ago(-1 / 24))
    counts = VerificationCounts()
    assert list(find_mismatches(counts)) == []
    assert counts.stale == 1


def test_scores_of_other_programs_are_verified_by_the_formulas() -> None:
    trial = make_trial(nct_id="NCT07654321")
    columns = {"prior_pi": "0.5", "logit_prior": "0", "sum_log_lr": "1.098612", "logit_post": "1.098612"}
    for run, p_fail in (("right", "0.75"), ("stopped", "0.97"), ("wrong", "0.76")):
        Score.objects.create(trial=trial, run_id=run, p_fail=p_fail, **columns)
    Score.objects.create(trial=trial, run_id="sum", p_fail="0.75", **{**columns, "logit_prior": "0.1"})
    assert {(one.run, one.column, one.expected) for one in found()} == {
        ("wrong", "p_fail", "0.75000"),
        ("sum", "logit_prior", "about 0.000000"),
        ("sum", "logit_post", "1.198612"),
    }


def test_gates_of_other_programs_are_verified_by_the_signals() -> None:
    trial = make_trial()
    make_signals(trial, "S3M", "S4M")
    Gate.objects.create(trial=trial, g_id="G2", fired_bool=True, supporting_s_ids=["S4", "S3"], lr_used="2.7")
    Gate.objects.create(trial=trial, g_id="G1", fired_bool=True, supporting_s_ids=["S3"], lr_used="3.5")
    assert {(one.row, one.column) for one in found()} == {
        ("G1", "fired_bool"),
        ("G1", "supporting_S_ids"),
        ("G1", "lr_used"),
    }


def test_command_reports_each_mismatch_as_json(trial: Trial) -> None:
    Score.objects.filter(trial=trial).update(p_fail="0.5")
    out = StringIO()
    with pytest.raises(CommandError, match="2 mismatches") as raised:
        call_command("verify_scores", "--json", stdout=out)
    assert raised.value.returncode == 3
    *lines, summary = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["run"], line["column"], line["stored"], line["expected"]) for line in lines] == [
        ("before", "p_fail", "0.50000", "0.97000"),
        ("one", "p_fail", "0.50000", "0.97000"),
    ]
    assert summary == {"summary": {"scores": 6, "gates": 12, "stale": 0, "mismatches": 2}}


def test_closed_output_ends_the_command_without_traceback(trial: Trial) -> None:
    with (
        mock.patch("signals.management.commands.verify_scores.find_mismatches", side_effect=BrokenPipeError),
        mock.patch("ncfd_site.core.command.os.dup2") as redirected,
        pytest.raises(SystemExit) as left,
    ):
        call_command("verify_scores", stdout=StringIO())
    assert left.value.code == 141
    assert redirected.called
