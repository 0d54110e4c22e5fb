"""Text, links and permissions of each tile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from linkaudit.models import LinkDisagreement
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.dashboard.tile import registered_sources
from ncfd_site.jobs.models import Job
from ncfd_site.schema.deploy import revisions
from ncfd_site.schema.models import MigrationLog
from signals.models import IngestRun, Score, Signal, StagingError, Trial
from storage.models import StorageEvent
from tests.factories import make_document, make_job_task, make_link_audit, make_trial, make_user
from tests.linkaudit.review.conftest import draw, make_links
from tests.web.reading import Answer, text_of

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def tile(page: Any, key: str) -> str:
    """The HTML of a tile."""
    html: str = page.content.decode()
    start = html.index(f'id="tile-{key}"')
    return html[start : html.index("</section>", start)]


def words(page: Any, key: str) -> str:
    """The words of a tile."""

    class Part:
        content = f"<{tile(page, key)}".encode()

    part: Answer = Part()
    return text_of(part)


def score(trial: Trial, run: str, p_fail: str, days_ago: int, *gates: str) -> Score:
    """Score a trial in a run, with the gates that fired there."""
    return Score.objects.create(
        trial=trial,
        run_id=run,
        prior_pi="0.5",
        logit_prior="0",
        sum_log_lr="0",
        logit_post="0",
        p_fail=p_fail,
        scored_at=NOW - timedelta(days=days_ago),
        metadata={"gates": {gate: {"lr_used": 2.0} for gate in gates}},
    )


@pytest.fixture
def ana(client: Client) -> Client:
    """The browser of an analyst."""
    client.force_login(make_user(Role.ANALYST))
    return client


def test_who_sees_which_tile(client: Client) -> None:
    reading = {"queue", "movements", "readouts", "risk", "gates", "errors", "loads", "freshness"}
    all_of_them = {source.key for source in registered_sources()}
    seen = {Role.REVIEWER: reading, Role.ADJUDICATOR: reading | {"disagreements"}, Role.OPERATOR: all_of_them,
            Role.ANALYST: all_of_them}  # fmt: skip
    for role, keys in seen.items():
        client.force_login(make_user(role))
        page = client.get("/").content.decode()
        assert {key for key in all_of_them if f'id="tile-{key}"' in page} == keys, role


def test_reviewer_sees_open_items_and_the_desk(client: Client) -> None:
    make_links(3)
    draw()
    client.force_login(make_user())
    page = client.get("/")
    assert "items to review 3" in words(page, "queue")
    assert "reviewed by you today (UTC) 0" in words(page, "queue")
    assert 'data-key="r" href="/review/"' in page.content.decode()


def test_adjudicator_sees_disagreements(client: Client) -> None:
    audit = make_link_audit(label=True)
    LinkDisagreement.objects.create(audit_id=audit.pk, heuristic="HP-2", reason="conflict", opened_at=NOW)
    client.force_login(make_user(Role.ADJUDICATOR))
    page = client.get("/")
    assert "awaiting adjudication 1" in words(page, "queue")
    assert "conflicting reviews 1" in words(page, "disagreements")
    assert 'href="/adjudication/"' in tile(page, "disagreements")
    assert 'data-key="r" href="/adjudication/"' in page.content.decode()


def test_trials_at_risk_are_counted_and_the_biggest_rises_named(ana: Client) -> None:
    risen, fallen, high = (make_trial(indication=name) for name in ("Gout", "Asthma", "Lupus"))
    for trial, before, after in (
        (risen, "0.40000", "0.80000"),
        (fallen, "0.60000", "0.50000"),
        (high, None, "0.98000"),
    ):
        if before:
            score(trial, "one", before, 2)
        score(trial, "two", after, 1)
    text = words(ana.get("/"), "risk")
    assert "trials ≥ 97 % 1" in text
    assert "trials 75-97 % 1" in text
    assert f"{risen.nct_id} Gout ▲ 40.0 points to 80.0 %" in text
    assert "Asthma" not in text
    assert "run two" in text
    assert f'href="/trials/{risen.nct_id}/"' in tile(ana.get("/"), "risk")


def test_a_trial_that_the_latest_run_left_out_did_not_rise(ana: Client) -> None:
    old, new = make_trial(indication="Gout"), make_trial(indication="Lupus")
    score(old, "one", "0.10000", 3)
    score(old, "two", "0.90000", 2)
    score(new, "three", "0.50000", 1)
    assert "Gout" not in words(ana.get("/"), "risk")


def test_without_scores_the_tile_names_the_command_that_scores(ana: Client) -> None:
    page = ana.get("/")
    assert "manage.py score_trials" in words(page, "risk")
    assert "No trials scored yet" in words(page, "gates")


def test_gates_that_changed_are_shown_both_ways(ana: Client) -> None:
    gained, lost, same = make_trial(), make_trial(), make_trial()
    score(gained, "one", "0.40000", 2)
    score(gained, "two", "0.80000", 1, "G1", "G4")
    score(lost, "one", "0.70000", 2, "G2")
    score(lost, "two", "0.50000", 1)
    score(same, "one", "0.40000", 2, "G3")
    score(same, "two", "0.45000", 1, "G3")
    text = words(ana.get("/"), "gates")
    assert "gates triggered 1" in text
    assert "gates cleared 1" in text
    assert f"{gained.nct_id} G1 and G4 triggered ▲ 40.0 points" in text
    assert f"{lost.nct_id} G2 cleared ▼ 20.0 points" in text
    assert same.nct_id not in text


def test_scores_without_recorded_gates_are_no_change(ana: Client) -> None:
    trial = make_trial()
    score(trial, "one", "0.40000", 2)
    Score.objects.filter(pk=score(trial, "two", "0.80000", 1, "G1").pk).update(metadata={"gates": ["G1"]})
    assert trial.nct_id not in words(ana.get("/"), "gates")


def test_failed_validations_are_counted_by_kind(ana: Client) -> None:
    trial = make_trial()
    for kind, count in (("pivotal_validation", 2), ("odd_dates", 1)):
        for _ in range(count):
            StagingError.objects.create(trial=trial, error_type=kind, error_message="something is odd")
    page = ana.get("/")
    assert "pivotal validation 2" in words(page, "errors")
    assert "odd dates 1" in words(page, "errors")
    assert 'href="/errors/?kind=odd_dates"' in tile(page, "errors")


def test_loads_without_an_end_and_failed_jobs_are_named(ana: Client) -> None:
    IngestRun.objects.create(source="ctgov", started_at=NOW - timedelta(days=3))
    IngestRun.objects.create(source="sec", started_at=NOW - timedelta(days=2))
    IngestRun.objects.create(source="sec", started_at=NOW - timedelta(days=1), finished_at=NOW - timedelta(days=1))
    IngestRun.objects.create(source="young", started_at=NOW)
    job = Job.objects.create(
        kind="storage_verify", state="failed", requested_by="olga", finished_at=NOW, error="The disk is full."
    )
    page = ana.get("/")
    text = words(page, "loads")
    assert "incomplete imports ⚠ 1" in text
    assert "superseded by a later run" in text
    assert "young" not in text
    assert "failed jobs ⚠ 1" in text
    assert "The disk is full." in text
    assert f'href="/jobs/{job.pk}/"' in tile(page, "loads")


def test_running_jobs_are_shown_with_their_progress(ana: Client) -> None:
    assert "No active jobs." in words(ana.get("/"), "running")
    Job.objects.create(kind="storage_verify", requested_by="olga")
    Job.objects.create(
        kind="storage_gc", state="running", requested_by="olga", started_at=NOW, worker="w", attempts=1,
        task_id=make_job_task(), done=5, total=10, unit="contents", step="deleting",
    )  # fmt: skip
    text = words(ana.get("/"), "running")
    assert "running 1 queued 1" in text
    assert "5 of 10 contents, 50 %" in text


def test_freshness_names_each_source(ana: Client) -> None:
    make_document(published_at=NOW - timedelta(days=3), source_type="SEC_8K")
    just_now = timezone.now()
    IngestRun.objects.create(source="ctgov", started_at=just_now, finished_at=just_now, total_processed=1)
    Signal.objects.create(trial=make_trial(), s_id="S1", severity="H", fired_at=NOW - timedelta(days=5))
    text = words(ana.get("/"), "freshness")
    assert "ctgov import 1 record just now" in text
    assert "Latest SEC Form 8-K published 3 days ago" in text
    assert "Latest signal fired 5 days ago" in text


def test_the_schema_tile_shows_head_and_the_last_verification(ana: Client) -> None:
    text = words(ana.get("/"), "schema")
    assert f"revision {revisions.head()} ✓ at head" in text
    _log("verify", "failed", "A table differs: trials.")
    text = words(ana.get("/"), "schema")
    assert "at the last verification ⚠ failed" in text
    assert "A table differs: trials." in text
    _log("verify", "done")
    _log("up", "done")
    text = words(ana.get("/"), "schema")
    assert "at the last verification ✓ verified" in text
    assert "1 later changes are not verified" in text


def test_a_database_behind_head_is_shown(ana: Client) -> None:
    sql.execute("UPDATE alembic_version SET version_num = %s", [revisions.ids()[-2]])
    text = words(ana.get("/"), "schema")
    assert "⚠ not at head" in text
    assert f"newest: {revisions.head()}" in text


def test_drift_is_that_of_the_last_verification(ana: Client) -> None:
    assert "drift: not verified yet unknown" in words(ana.get("/"), "content")
    counts = {"checked_count": 9, "error_count": 2, "note_count": 0, "recent_count": 0, "skipped_count": 0}
    summary = {"started_at": "2026-01-01T00:00:00Z", "sample": 1.0, "seed": 1, "checks": {"counts": counts},
               "finding_counts": {}, "unavailable": {}, "finished_at": None}  # fmt: skip
    job = Job.objects.create(
        kind="storage_verify", state="done", requested_by="olga", finished_at=NOW, result={"summary": summary}
    )
    StorageEvent.objects.create(action="count_corrected", sha256="0" * 64, backend_type="local")
    page = ana.get("/")
    assert "wrong counts in the last verification ⚠ 2" in words(page, "content")
    assert "corrected, last 7 days 1" in words(page, "content")
    assert f'href="/jobs/{job.pk}/"' in tile(page, "content")


def test_markup_in_the_data_is_text(ana: Client) -> None:
    trial = make_trial(indication="<script>alert(1)</script>")
    score(trial, "<b>one</b>", "0.10000", 2)
    score(trial, "<i>two</i>", "0.90000", 1)
    StagingError.objects.create(trial=trial, error_type="<u>kind</u>", error_message="<img src=x>")
    page = ana.get("/").content.decode()
    for markup in ("<script>alert", "<i>two", "<u>kind", "<img src=x"):
        assert markup not in page


def _log(action: str, outcome: str, detail: str = "") -> None:
    MigrationLog.objects.create(
        run_id="00000000-0000-0000-0000-000000000001", revision=revisions.head(), action=action, outcome=outcome,
        started_at=datetime.now(UTC), actor="olga", host="host", server_version="18", code_version="0", detail=detail,
    )  # fmt: skip
