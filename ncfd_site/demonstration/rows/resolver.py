"""What the sponsor resolver made of the sponsors, and what it left to people."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ncfd_site.demonstration.catalogue.companies import MAKERS
from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.plan.resolving import CASES, RULES, Case
from ncfd_site.demonstration.plan.trials import PlannedTrial
from securities.loading.names import normalize_company_name
from securities.models import (
    ResolverDecision,
    ResolverFeature,
    ResolverFlag,
    ResolverLabel,
    ResolverLLMLog,
    ResolverRule,
    ReviewQueueItem,
)
from signals.models import Trial

TO_PERSON = timedelta(days=2, hours=4)


def add_resolving(trials: Sequence[PlannedTrial], companies: Mapping[str, int], calendar: Calendar) -> None:
    """Add what was decided of every sponsor that is a company, and what is known of the ones that are not clear."""
    ResolverFlag.objects.create(key="llm_review", value="on", created_at=calendar.at(-120))
    ResolverRule.objects.bulk_create(
        ResolverRule(
            pattern=pattern, company_id=companies[company], priority=priority, created_at=calendar.at(-200 + place)
        )
        for place, (pattern, company, priority) in enumerate(RULES)
    )
    clear = [trial for trial in trials if trial.sponsor not in CASES and not trial.is_public]
    ResolverDecision.objects.bulk_create(_exact(trial, companies, calendar) for trial in clear)
    for trial in trials:
        if case := CASES.get(trial.sponsor):
            _add_case(trial, case, companies, calendar)
    _add_labels(clear, companies, calendar)


def _exact(trial: PlannedTrial, companies: Mapping[str, int], calendar: Calendar) -> ResolverDecision:
    is_ruled = trial.drug.maker == "lilliput"
    return ResolverDecision(
        **_key(trial, calendar),
        sponsor_text=trial.sponsor,
        company_id=companies[trial.drug.maker],
        match_type="rule" if is_ruled else "exact name",
        p_match=1.0,
        features_jsonb={} if is_ruled else {"name_equal": True},
        evidence_jsonb={"pattern": RULES[0][0]} if is_ruled else {"company_name": trial.drug.company.name},
        decided_at=_run_at(trial, calendar),
    )


def _add_case(trial: PlannedTrial, case: Case, companies: Mapping[str, int], calendar: Calendar) -> None:
    at = _run_at(trial, calendar)
    key, decided_at = _key(trial, calendar), at + TO_PERSON
    ranked = sorted(case.candidates.values(), reverse=True)
    ResolverFeature.objects.bulk_create(
        ResolverFeature(
            **key,
            company_id=companies[company],
            features_jsonb=_features(trial.sponsor, company, p),
            score_precal=round(6 * p - 3, 6),
            p_calibrated=p,
            created_at=at,
        )
        for company, p in case.candidates.items()
    )
    offered = [
        {"company_id": companies[company], "name": MAKERS[company].name, "p": p}
        for company, p in case.candidates.items()
    ]
    ResolverDecision.objects.create(
        **key,
        sponsor_text=trial.sponsor,
        company_id=companies.get(case.chosen),
        match_type="probabilistic" if case.chosen else "none",
        p_match=ranked[0],
        top2_margin=round(ranked[0] - ranked[1], 4) if len(ranked) > 1 else None,
        features_jsonb=_features(trial.sponsor, next(iter(case.candidates)), ranked[0]),
        evidence_jsonb={"candidates": [candidate["name"] for candidate in offered]},
        decided_by=case.decided_by or "auto",
        decided_at=decided_at if case.decided_by else at,
        notes_md="Looked up in the **annual report**." if case.decided_by == "human" else None,
    )
    if case.chosen:
        Trial.objects.filter(nct_id=trial.nct_id).update(sponsor_company_id=companies[case.chosen])
    if case.mode:
        _log(trial, case, key, offered, at + timedelta(minutes=3))
    if case.queue:
        ReviewQueueItem.objects.create(
            **key,
            sponsor_text=trial.sponsor,
            candidates=offered,
            reason=case.reason,
            status=case.queue,
            created_at=at,
            resolved_at=decided_at if case.queue == "resolved" else None,
        )


def _log(trial: PlannedTrial, case: Case, key: Mapping[str, str], offered: list[dict[str, Any]], at: datetime) -> None:
    best = offered[0]
    names = "; ".join(candidate["name"] for candidate in offered)
    answer = {"accept": best["name"], "review": f"perhaps {best['name']}", "reject": "none of them"}[case.mode]
    ResolverLLMLog.objects.create(
        run_id=key["run_id"],
        nct_id=trial.nct_id,
        sponsor_text=trial.sponsor,
        candidates=offered,
        prompt=f"Which of these companies is the sponsor “{trial.sponsor}” of {trial.nct_id}: {names}? Or none?",
        response_json={"answer": answer, "why": "The names differ in spelling alone." if case.chosen else "Not sure."},
        decision_mode=case.mode,
        confidence=round(best["p"], 3),
        chosen_company_id=best["company_id"] if case.chosen else None,
        created_at=at,
    )


def _add_labels(trials: Sequence[PlannedTrial], companies: Mapping[str, int], calendar: Calendar) -> None:
    """Examples for training: some sponsors with their company, and some with one that they are not."""
    others = list(companies.values())
    ResolverLabel.objects.bulk_create(
        ResolverLabel(
            nct_id=trial.nct_id,
            sponsor_text_norm=normalize_company_name(trial.sponsor),
            company_id=companies[trial.drug.maker] if is_match else others[-1 - place],
            is_match=is_match,
            source="adam" if place % 2 else "gold panel",
            created_at=calendar.at(-90 + place, 11),
        )
        for place, trial in enumerate(trials[::6])
        for is_match in (True, False)
    )


def _features(sponsor: str, company: str, p: float) -> dict[str, Any]:
    words = set(normalize_company_name(sponsor).split()), set(normalize_company_name(MAKERS[company].name).split())
    shared = len(words[0] & words[1]) / len(words[0] | words[1])
    return {"shared_words": round(shared, 3), "string_similarity": round(0.2 + 0.75 * p, 3), "same_country": True}


def _key(trial: PlannedTrial, calendar: Calendar) -> dict[str, str]:
    return {
        "run_id": f"resolver-{_run_at(trial, calendar):%Y-%m-%d}",
        "nct_id": trial.nct_id,
        "sponsor_text_norm": normalize_company_name(trial.sponsor),
    }


def _run_at(trial: PlannedTrial, calendar: Calendar) -> datetime:
    return calendar.load(trial.first_load) + timedelta(hours=1)
