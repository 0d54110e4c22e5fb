"""verify_scores: it finds what was changed by hand, and nothing else."""

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
from signals.scoring.run import score
from signals.scoring.verification import Mismatch, VerificationCounts, find_mismatches
from tests.signals.scoring.rows import ago, ahead, make_evaluation, make_signals, make_study, make_trial, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def trial() -> Trial:
    """A scored trial with two gates that fired, a late signal and a stop rule, among others."""
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
    score("before")
    score("one")
    return trial


def found(run_id: str | None = None) -> list[Mismatch]:
    return list(find_mismatches(VerificationCounts(), run_id))


def test_what_score_trials_wrote_is_as_it_should_be(trial: Trial) -> None:
    out = StringIO()
    call_command("verify_scores", stdout=out)
    assert out.getvalue().splitlines() == ["6 scores and 12 gates looked at.", "Nothing deviates."]


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
def test_a_column_that_was_changed_by_one_digit_is_named(trial: Trial, column: str, value: str, expected: str) -> None:
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
def test_metadata_that_was_changed_is_named(trial: Trial, change: dict[str, Any], columns: set[str]) -> None:
    one = Score.objects.get(trial=trial, run_id="one")
    one.metadata |= change
    one.save()
    assert {deviation.column for deviation in found() if deviation.table == "scores"} == columns


def test_no_key_of_the_metadata_can_go_unseen(trial: Trial) -> None:
    one = Score.objects.get(trial=trial, run_id="one")
    whole = one.metadata
    assert len(whole) == 9
    for key in whole:
        one.metadata = {name: value for name, value in whole.items() if name != key}
        one.save()
        named = {deviation.column for deviation in found("one") if deviation.table == "scores"}
        assert f"metadata.{key}" in named
    one.metadata = {}
    one.save()
    assert {deviation.column for deviation in found() if deviation.table == "scores"} == {"metadata.table_version"}


def values_of(part: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value inside of metadata."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, inner in pairs:
        yield from values_of(inner, (*place, key))
    if place and not isinstance(part, dict | list):
        yield place


@pytest.mark.parametrize("other", ["S4", "else", 7.5, None, True, {}, [], "NaN", "Infinity", "1e999999999", -1e300])
def test_no_value_inside_the_metadata_of_a_score_can_be_changed_unseen(trial: Trial, other: Any) -> None:
    one = Score.objects.get(trial=trial, run_id="one")
    whole = one.metadata
    places = list(values_of(whole))
    # Of each list and object something is there, so that each is tried.
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
def test_no_value_inside_the_metadata_of_a_gate_can_be_changed_unseen(trial: Trial, other: Any) -> None:
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


def test_metadata_that_only_a_database_can_hold_are_no_end_of_the_check(trial: Trial) -> None:
    with connection.cursor() as cursor:
        for metadata in ('{"gates": {"G1": 1e5000}, "prior": {"value": 1e5000}}', "[" * 5000 + "]" * 5000, "7"):
            cursor.execute("UPDATE scores SET metadata = %s WHERE run_id = 'one'", [metadata])
            cursor.execute("UPDATE gates SET metadata = %s WHERE \"G_id\" = 'G1'", [metadata])
            assert found() or metadata == "7"


def test_a_run_has_one_table_and_one_day(trial: Trial) -> None:
    score("then", as_of=ago(30).date())
    Score.objects.filter(trial=trial, run_id="one").update(metadata={"table_version": "2020-01"})
    assert [(one.nct_id, one.column, one.expected) for one in found("one") if one.table == "scores"] == [
        (trial.nct_id, "metadata.table_version", "2026-11, as most of the run")
    ]


def test_the_moment_of_a_run_as_of_a_day_is_that_day(trial: Trial) -> None:
    make_version(trial, ago(60))
    score("then", as_of=ago(30).date())
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
def test_moments_that_cannot_be_are_named(trial: Trial, change: dict[str, Any], columns: list[str]) -> None:
    Score.objects.filter(trial=trial, run_id="before").update(**change)
    assert [one.column for one in found()] == columns


def test_a_gate_of_the_future_is_named(trial: Trial) -> None:
    Gate.objects.filter(trial=trial, g_id="G2").update(evaluated_at=ago(-1))
    assert ("G2", "evaluated_at") in {(one.row, one.column) for one in found()}


def test_a_gate_whose_score_is_gone_is_named(trial: Trial) -> None:
    Score.objects.filter(trial=trial, run_id="one").delete()
    named = [(one.row, one.column) for one in found("one") if one.column == "metadata.run_id"]
    assert named == [(code, "metadata.run_id") for code in ("G1", "G2", "G3", "G4")]


def test_a_run_that_is_not_there_is_a_fault_of_usage(trial: Trial) -> None:
    with pytest.raises(CommandError, match="There is no run oen") as raised:
        call_command("verify_scores", "--run-id", "oen", stdout=StringIO())
    assert raised.value.returncode == 2


def test_the_number_of_statements_does_not_grow_with_the_trials(trial: Trial) -> None:
    with CaptureQueriesContext(connection) as few:
        found()
    for _ in range(20):
        make_signals(make_trial(), "S3M", "S4H")
    score("three")
    with CaptureQueriesContext(connection) as many:
        found()
    assert len(many) == len(few) <= 10


def test_features_that_froze_after_the_score_are_named(trial: Trial) -> None:
    one = Score.objects.get(trial=trial, run_id="before")
    one.features_frozen_at = one.scored_at + timedelta(days=1)
    one.save()
    assert [deviation.column for deviation in found()] == ["features_frozen_at"]


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
def test_a_gate_that_was_changed_is_named(trial: Trial, gate: str, change: dict[str, Any], columns: set[str]) -> None:
    Gate.objects.filter(trial=trial, g_id=gate).update(**change)
    deviating = found()
    assert {one.column for one in deviating} == columns
    assert {(one.table, one.nct_id) for one in deviating} <= {("gates", "NCT01234567")}


def test_a_gate_that_is_missing_is_named(trial: Trial) -> None:
    Gate.objects.get(trial=trial, g_id="G2").delete()
    assert [one.sentence for one in found()] == [
        "NCT01234567, run one, gates: rows is G1, G3, G4, expected G1, G2, G3, G4"
    ]


def test_a_signal_that_was_changed_behind_the_gates_is_named(trial: Trial) -> None:
    Signal.objects.filter(trial=trial, s_id="S2").update(severity="L")
    assert [(one.row, one.column, one.stored, one.expected) for one in found()] == [
        ("G1", "metadata.signals.S2", "M", "L")
    ]
    Signal.objects.filter(trial=trial, s_id="S2").delete()
    assert [(one.row, one.column, one.stored, one.expected) for one in found()] == [
        ("G1", "metadata.signals.S2", "M", "nothing")
    ]


def test_signals_that_came_after_the_gates_make_them_stale_and_are_no_fault() -> None:
    trial = make_trial()
    score("one")
    make_signals(trial, "S3M", "S4M", fired_at=ago(-1 / 24))
    looked = VerificationCounts()
    assert list(find_mismatches(looked)) == []
    # S3 is looked at by G2 and G4.
    assert looked.stale == 2


def test_a_signal_of_an_earlier_day_that_was_found_later_makes_gates_stale() -> None:
    trial = make_trial()
    score("one")
    make_signals(trial, "S7M", fired_at=ago(400))
    make_evaluation(trial, "S7", "fired", ago(-1 / 24))
    looked = VerificationCounts()
    assert list(find_mismatches(looked)) == []
    assert looked.stale == 1


def test_scores_of_other_programs_are_held_against_the_formulas() -> None:
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


def test_gates_of_other_programs_are_held_against_the_signals() -> None:
    trial = make_trial()
    make_signals(trial, "S3M", "S4M")
    Gate.objects.create(trial=trial, g_id="G2", fired_bool=True, supporting_s_ids=["S4", "S3"], lr_used="2.7")
    Gate.objects.create(trial=trial, g_id="G1", fired_bool=True, supporting_s_ids=["S3"], lr_used="3.5")
    assert {(one.row, one.column) for one in found()} == {
        ("G1", "fired_bool"),
        ("G1", "supporting_S_ids"),
        ("G1", "lr_used"),
    }


def test_the_command_names_each_and_leaves_with_three(trial: Trial) -> None:
    Score.objects.filter(trial=trial).update(p_fail="0.5")
    out = StringIO()
    with pytest.raises(CommandError, match="2 values deviate") as raised:
        call_command("verify_scores", "--json", stdout=out)
    assert raised.value.returncode == 3
    *lines, summary = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["run"], line["column"], line["stored"], line["expected"]) for line in lines] == [
        ("before", "p_fail", "0.50000", "0.97000"),
        ("one", "p_fail", "0.50000", "0.97000"),
    ]
    assert summary == {"summary": {"scores": 6, "gates": 12, "stale": 0, "deviations": 2}}


def test_who_reads_no_further_ends_the_command_without_a_traceback(trial: Trial) -> None:
    with (
        mock.patch("signals.management.commands.verify_scores.deviations", side_effect=BrokenPipeError),
        mock.patch("ncfd_site.core.command.os.dup2") as redirected,
        pytest.raises(SystemExit) as left,
    ):
        call_command("verify_scores", stdout=StringIO())
    assert left.value.code == 141
    assert redirected.called
