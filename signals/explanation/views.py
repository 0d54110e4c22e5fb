"""The pages of a trial's explanation, its registry record, and a study card."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from ncfd_site.core.charts.line import LineItem, build_line_chart
from ncfd_site.core.formatting import format_date_distance, format_percent, render_json
from ncfd_site.core.permissions import current_user, require_permission
from signals.explanation import trial_facts as facts
from signals.explanation.findings import BAND_LINES, list_current_gates, list_gate_findings, list_signal_findings
from signals.explanation.record_versions import (
    Version,
    compare_records,
    list_registry_history,
    list_versions,
    read_records,
)
from signals.explanation.study_card import load_study_card
from signals.explanation.waterfall import build_score_waterfall, compute_waterfall
from signals.queries import compute_breakdown
from signals.scoring.table import scoring_table
from signals.trials.labels import find_band
from signals.trials.marks import is_prior_only
from signals.trials.run_record import RunRecord, read_run_record

# A larger card is shown as raw JSON only.
MOST_DRAWN = 300_000


@require_safe
@require_permission("signals.view_score")
def trial(request: HttpRequest, nct_id: str) -> HttpResponse:
    """Explain the score of a trial in a run (default: the latest)."""
    trial = facts.load_trial_facts(nct_id)
    if trial is None:
        return _render_not_found(request, "No such trial", nct_id=nct_id[:40])
    run_id = request.GET.get("run", "")
    scored = facts.load_score(trial.trial_id, run_id)
    if scored is None and run_id:
        return _render_not_found(request, "No such run", trial=trial, run_id=run_id)
    gates = list_current_gates(trial.trial_id)
    record = read_run_record(scored.score.metadata) if scored else RunRecord()
    account = compute_breakdown(scored.score, gates) if scored else None
    signals = list_signal_findings(
        trial.trial_id,
        record,
        is_latest=scored is None or scored.is_latest,
        scored_at=scored.score.scored_at if scored else None,
    )
    context: dict[str, Any] = {
        **_build_trial_context(trial),
        "scored": scored,
        "record": record,
        "account": account,
        "signals": signals,
        "unevaluated": sum(one.state == "not evaluated" for one in signals),
        "gates": list_gate_findings(scored.score if scored else None, account, record, gates),
        "has_prior": trial.phase in scoring_table().priors,
        **_load_surroundings(trial, current_user(request)),
    }
    if scored and account:
        falls = compute_waterfall(scored.score, account, record)
        context |= {
            "waterfall": falls,
            "drawing": build_score_waterfall(falls),
            "band": find_band(scored.score.p_fail),
            "is_prior_only": is_prior_only(scored.score),
            "history": build_line_chart(
                [
                    LineItem(
                        run.run_id,
                        run.p_fail,
                        format_percent(run.p_fail),
                        f"?{run.query}",
                        run.run_id == scored.score.run_id,
                    )
                    for run in reversed(scored.runs)
                ],
                (Decimal(0), *reversed(BAND_LINES)),
            ),
            "most_runs": facts.MOST_RUNS,
            "table_of_today": scoring_table().version,
        }
    return render(request, "explanation/trial.html", context)


@require_safe
@require_permission("signals.view_trialversion")
def record(request: HttpRequest, nct_id: str) -> HttpResponse:
    """Show the versions of a trial's registry record, and the differences of two."""
    trial = facts.load_trial_facts(nct_id)
    if trial is None:
        return _render_not_found(request, "No such trial", nct_id=nct_id[:40])
    versions = list_versions(trial.trial_id)
    context: dict[str, Any] = {
        **_build_trial_context(trial),
        "versions": [(one, versions[at + 1] if at + 1 < len(versions) else None) for at, one in enumerate(versions)],
        "history": list_registry_history(trial.trial_id),
    }
    chosen, wrong = _choose_versions(request, versions)
    context |= {"wrong": wrong, "chosen": chosen}
    if chosen:
        records = read_records(trial.trial_id, [one.version_id for one in chosen])
        before, after = (records.get(one.version_id) for one in chosen)
        if before is None or after is None or not before.is_readable or not after.is_readable:
            context["unreadable"] = True
        else:
            sections = compare_records(before.value, after.value)
            context |= {
                "changed": [one for one in sections if one.changed],
                "unchanged": [one for one in sections if one.same],
            }
    elif len(versions) == 1:
        only = read_records(trial.trial_id, [versions[0].version_id]).get(versions[0].version_id)
        if only and only.is_readable:
            context |= {"only": [one for one in compare_records(only.value, only.value) if one.same], "raw": only.raw}
        context["unreadable"] = not (only and only.is_readable)
    return render(request, "explanation/record.html", context, status=400 if wrong else 200)


@require_safe
@require_permission("signals.view_study")
def study(request: HttpRequest, study_id: int) -> HttpResponse:
    """Show a study with its card, validation errors and signals."""
    found = load_study_card(study_id)
    if found is None:
        return _render_not_found(request, "No such study", study_id=str(study_id)[:40])
    row = found.row
    context = {
        "title": f"{row.doc_type} of {row.year} on {row.nct_id}",
        "study": found,
        "row": row,
        "fields": render_json(found.card.value) if found.card.is_readable and len(row.card or "") <= MOST_DRAWN else "",
    }
    return render(request, "explanation/study.html", context)


def _build_trial_context(trial: facts.TrialFacts) -> dict[str, Any]:
    today = timezone.localdate()
    day = trial.est_primary_completion_date
    return {
        "title": f"{trial.nct_id}: {trial.about}" if trial.about else trial.nct_id,
        "trial": trial,
        "is_past": day is not None and day < today,
        "readout": format_date_distance(day, today) if day else "",
    }


def _load_surroundings(trial: facts.TrialFacts, user: User) -> dict[str, Any]:
    """Return companies, links and assets of a trial, each part for users who may view its rows."""
    around: dict[str, Any] = {}
    if user.has_perm("linkaudit.view_linkaudit"):
        around["links"] = facts.count_links(trial.nct_id, user)
        around["links_address"] = f"{reverse('linkaudit:links')}?{urlencode({'q': trial.nct_id})}"
    if user.has_perm("linkaudit.view_trialassetlink"):
        around["assets"] = facts.list_promoted_assets(trial.trial_id, user)
    if user.has_perm("securities.view_company"):
        sponsor = trial.sponsor_company_id
        around["companies"] = facts.list_exposed_companies(sponsor) if sponsor else []
    return around


def _choose_versions(request: HttpRequest, versions: list[Version]) -> tuple[tuple[Version, Version] | None, str]:
    """Return the versions to compare, the older first, and what is wrong with those that the address asks for."""
    if len(versions) < 2:
        return None, ""
    known = {str(one.version_id): one for one in versions}
    asked = [request.GET.get(name, "") for name in ("from", "to")]
    wrong = [text for text in asked if text and text not in known]
    if wrong:
        return None, f"This trial has no version {wrong[0][:40]!r} of its record. Choose two of the versions below."
    after = known[asked[1]] if asked[1] else versions[0]
    at = versions.index(after)
    before = known[asked[0]] if asked[0] else versions[min(at + 1, len(versions) - 1)]
    older, newer = sorted((before, after), key=versions.index, reverse=True)
    return (older, newer), ""


def _render_not_found(request: HttpRequest, title: str, **context: Any) -> HttpResponse:
    return render(request, "explanation/missing.html", {"title": title, **context}, status=404)
