"""prune: what is deleted and kept, archives, exit codes, interrupted runs."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pyarrow.parquet
import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from ncfd_site.jobs.models import Job
from ncfd_site.postgres import connection_parameters
from ncfd_site.retention import pruning
from ncfd_site.retention.jobs import PRUNE
from ncfd_site.retention.pruning import prune
from signals.models import Score, ScoreRun, SignalEvaluation, Trial, TrialCurrentScore
from signals.retention import FinishedRun, select_pruned_runs
from signals.scoring.run import score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches
from storage.models import StorageEvent
from tests.signals.scoring.rows import ago, at, make_evaluation, make_signals, make_trial

pytestmark = pytest.mark.django_db


def run_prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune", *arguments, stdout=out)
    return out.getvalue()


def make_run(days: float, *trials: Trial) -> str:
    """Score trials as another program does, some days ago."""
    name = f"{days} days ago"
    for trial in trials:
        Score.objects.create(
            trial=trial, run_id=name, scored_at=ago(days), prior_pi="0.5", logit_prior=0, sum_log_lr=0, logit_post=0,
            p_fail="0.5",
        )  # fmt: skip
    return name


def make_event(days: float, action: str = "moved") -> StorageEvent:
    return StorageEvent.objects.create(occurred_at=ago(days), action=action, actor="olga")


def test_last_run_of_each_day_and_week_is_kept() -> None:
    # Two runs a day, for four weeks from a Monday.
    start = at("2026-03-02")
    runs = [FinishedRun(f"{hours}", start + timedelta(hours=hours)) for hours in range(0, 24 * 28, 12)][::-1]
    pruned = {run.run_id for run in select_pruned_runs(runs, {"keep_daily": 3, "keep_weekly": 3})}
    kept = [run.finished_at for run in runs if run.run_id not in pruned]
    assert [f"{moment:%m-%d %H}" for moment in kept] == ["03-29 12", "03-28 12", "03-27 12", "03-22 12", "03-15 12"]


def test_old_scores_are_pruned_and_the_latest_two_of_each_trial_kept(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "retention.toml"
    path.write_text(Path(settings.RETENTION_FILE).read_text().replace("= 52", "= 0").replace("= 30", "= 1"))
    settings.RETENTION_FILE = path
    trial, dropped = make_trial(), make_trial()
    runs = [make_run(days, trial, dropped) for days in (5, 4, 3)] + [make_run(2, trial)]
    running = make_run(9, trial)
    ScoreRun.objects.create(run_id=running, state="running")
    before = list(TrialCurrentScore.objects.order_by("pk").values())
    assert run_prune() == "To prune: 3 scores. Dry run: nothing was changed. Give --apply to delete.\n"
    assert Score._base_manager.count() == 8
    assert run_prune("--apply") == "Pruned: 3 scores.\n"
    kept = set(Score._base_manager.values_list("trial_id", "run_id"))
    assert kept == {
        (trial.pk, runs[3]),
        (trial.pk, runs[2]),
        (dropped.pk, runs[2]),
        (dropped.pk, runs[1]),
        (trial.pk, running),
    }
    assert list(TrialCurrentScore.objects.order_by("pk").values()) == before
    assert set(ScoreRun.objects.filter(pruned_at__isnull=False).values_list("run_id", flat=True)) == {*runs[:2]}
    assert run_prune("--apply") == "Pruned: nothing.\n"


def test_gates_stay_verified_after_pruning() -> None:
    trial = make_trial()
    make_signals(trial, "S1H", "S2H")
    for run in ("one", "two", "three", "four"):
        score_trials(run)
    assert run_prune("--apply") == "Pruned: 2 scores.\n"
    counts = VerificationCounts()
    assert list(find_mismatches(counts)) == []
    assert (counts.scores, counts.gates) == (2, 4)


def test_latest_two_evaluations_of_each_signal_are_kept() -> None:
    trial = make_trial()
    for days in (900, 800, 750, 3):
        make_evaluation(trial, "S1", "not fired", ago(days))
    make_evaluation(trial, "S2", "not fired", ago(900))
    assert run_prune("--apply") == "Pruned: 2 signal evaluations.\n"
    assert SignalEvaluation.objects.filter(s_id="S1").count() == 2
    assert SignalEvaluation.objects.filter(s_id="S2").count() == 1


def test_jobs_sessions_and_failed_sign_ins_are_pruned_by_age() -> None:
    Job.objects.create(kind="prune", requested_by="olga", state="done", finished_at=ago(200))
    kept = Job.objects.create(kind="prune", requested_by="olga", state="done", finished_at=ago(100))
    Job.objects.create(kind="prune", requested_by="olga")
    Session.objects.create(session_key="old", session_data="", expire_date=ago(1))
    Session.objects.create(session_key="new", session_data="", expire_date=ago(-1))
    sql.execute(
        "INSERT INTO axes_accessattempt"
        " (user_agent, path_info, attempt_time, get_data, post_data, failures_since_start, http_accept)"
        " SELECT '', '', now() - make_interval(days => days), '', '', 1, '' FROM unnest('{1,100}'::int[]) days"
    )
    assert run_prune("--apply") == "Pruned: 1 failed sign-ins, 1 finished jobs, 1 expired sessions.\n"
    assert Job.objects.filter(state="done").get() == kept
    assert Session.objects.get().session_key == "new"
    assert sql.value("SELECT count(*) FROM axes_accessattempt") == 1


def test_old_storage_events_are_pruned_with_a_record() -> None:
    make_event(900)
    make_event(800)
    make_event(900, "pruned")
    recent = make_event(700)
    assert run_prune("--apply", "--actor", "olga") == "Pruned: 2 storage events.\n"
    assert set(StorageEvent.objects.exclude(action="pruned")) == {recent}
    record = StorageEvent.objects.filter(action="pruned").latest("pk")
    assert (record.actor, record.detail["events"]) == ("olga", 2)
    assert run_prune("--apply") == "Pruned: nothing.\n"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM storage_events",
        "SELECT set_config('ncfd.prune_events_before', 'infinity', true); DELETE FROM storage_events",
        "SELECT set_config('ncfd.prune_events_before', 'infinity', true); UPDATE storage_events SET actor = 'me'",
    ],
)
def test_storage_events_are_otherwise_append_only(statement: str) -> None:
    recent = make_event(20)
    make_event(900, "pruned")
    with pytest.raises(IntegrityError, match="storage_events is append-only"), transaction.atomic():
        sql.execute(statement)
    old = make_event(900)
    assert sql.column("SELECT * FROM prune_storage_events(%s, now(), 'me')", [[old.pk, recent.pk]]) == [old.pk]
    with pytest.raises(IntegrityError, match="storage_events is append-only"), transaction.atomic():
        sql.execute("DELETE FROM storage_events")


def test_role_with_grants_cannot_delete_events() -> None:
    make_event(900)
    sql.execute("CREATE ROLE pruner; GRANT SELECT, INSERT, DELETE ON storage_events TO pruner; SET LOCAL ROLE pruner")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        sql.execute("SELECT prune_storage_events(ARRAY(SELECT event_id FROM storage_events), now(), 'me')")
    sql.execute("RESET ROLE")


def test_archive_holds_the_pruned_rows(tmp_path: Path) -> None:
    with mock.patch.object(pruning, "BATCH", 2):
        events = [make_event(900 + days) for days in range(5)]
        assert run_prune("--apply", "--archive", str(tmp_path)) == "Pruned: 5 storage events.\n"
    files = sorted(tmp_path.glob("storage_events/*/*.parquet"))
    assert [pyarrow.parquet.read_metadata(path).num_rows for path in files] == [2, 2, 1]
    archived = [row for path in files for row in pyarrow.parquet.read_table(path).to_pylist()]
    assert [(row["event_id"], row["occurred_at"], row["actor"]) for row in archived] == [
        (event.pk, event.occurred_at, "olga") for event in events
    ]


def test_archive_that_cannot_be_written_keeps_the_rows(tmp_path: Path) -> None:
    make_event(900)
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"Cannot write to .* Correct the cause") as raised:
        run_prune("--apply", "--archive", str(tmp_path / "file"))
    assert raised.value.returncode == 6
    assert StorageEvent.objects.count() == 1


def test_stopped_run_keeps_its_batches_and_resumes() -> None:
    class Stop(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: Any = None, note: str = "") -> None:
            raise KeyboardInterrupt

    for days in range(3):
        make_event(900 + days)
    with mock.patch.object(pruning, "BATCH", 1):
        with pytest.raises(KeyboardInterrupt):
            prune(Stop("olga"), apply=True)
        assert StorageEvent.objects.exclude(action="pruned").count() == 2
        assert [one.deleted for one in prune(NullReporter("olga"), apply=True) if one.due] == [2]


@pytest.mark.django_db(transaction=True)
def test_two_prunings_exclude_each_other() -> None:
    make_event(900)
    keywords = {**connection_parameters(), "dbname": connections["default"].settings_dict["NAME"]}
    with psycopg.connect(**keywords) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [pruning.LOCK])
        with pytest.raises(CommandError, match="Another prune is running") as raised:
            run_prune("--apply")
    assert raised.value.returncode == 4
    assert StorageEvent.objects.count() == 1


def test_job_counts_or_prunes_and_describes_its_result() -> None:
    make_event(900)
    for apply, text in ((False, "To prune: 1 storage events."), (True, "Pruned: 1 storage events.")):
        result = PRUNE.run({"apply": apply}, NullReporter("olga"))
        assert PRUNE.conclude(json.loads(json.dumps(result))) == text
    assert StorageEvent.objects.filter(action="pruned").get().actor == "olga"


def test_json_has_each_count() -> None:
    make_event(900)
    (events,) = [one for one in json.loads(run_prune("--json"))["pruned"] if one["due"]]
    assert events == {"name": "storage_events", "title": "storage events", "due": 1, "deleted": 0}
