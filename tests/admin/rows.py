"""Rows of every table."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from django.db.models import Model
from psycopg.types.range import DateRange

from linkaudit import models as linkaudit
from ncfd_site.api.models import ApiToken
from ncfd_site.core import sql
from ncfd_site.jobs.models import Job, JobPart, JobSchedule
from ncfd_site.schema.models import MigrationLog, SchemaVersion
from securities import models as securities
from signals import models as signals
from storage import models as storage
from tests import factories

DAY = date(2024, 3, 1)
MOMENT = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
# A list must never read this: long, and found nowhere else on a page.
HEAVY = {"heavy": "never in a list " * 50}

_numbers = iter(range(1, 1_000_000))


def make(model: type[Model]) -> Any:
    """Create a row of a model with the rows that it references, and return it as stored."""
    return MAKERS[model]()


def make_security(**fields: Any) -> Any:
    """Create an active security of a new company."""
    ticker = f"T{next(_numbers)}"
    given = {
        "company": factories.make_company(),
        "ticker": ticker,
        "ticker_norm": ticker,
        "exchange": securities.Exchange.objects.get(code="NASDAQ"),
        "effective_range": DateRange(DAY, None),
        **fields,
    }
    return securities.Security.objects.create(**given)


def _company_security() -> Any:
    security = make_security()
    return securities.CompanySecurity.objects.create(company=security.company, security_id=str(security.pk))


def _company_ticker() -> Any:
    link = _company_security()
    return securities.CompanyTicker.objects.get(company_id=link.company_id, security_id=link.security_id)


def _active_us_security() -> Any:
    security = make_security()
    sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")
    return securities.ActiveUSSecurity.objects.get(pk=security.pk)


def _heuristic_precision() -> Any:
    name = f"HP-{next(_numbers)}"
    factories.make_link_audit(heuristic_applied=name, label=True)
    return linkaudit.HeuristicPrecision.objects.get(pk=name)


def _asset_alias() -> Any:
    return factories.make_asset(f"asset {next(_numbers)}").aliases.get()


def _ingest_state() -> Any:
    return signals.IngestState.objects.get_or_create(id=True, defaults={"last_run_at": MOMENT})[0]


def _migration_log() -> Any:
    return MigrationLog.objects.create(
        run_id=uuid4(),
        revision="20250121",
        action="up",
        started_at=MOMENT,
        actor="olga",
        host="host",
        server_version="18",
        code_version="0",
        outcome="applied",
    )


def _resolver(model: Any, **fields: Any) -> Callable[[], Any]:
    def make_one() -> Any:
        number = next(_numbers)
        given = {"nct_id": f"NCT{number:08}", **fields}
        if model is not securities.ResolverLabel:
            given["run_id"] = "run 1"
        if model not in (securities.ReviewQueueItem, securities.ResolverLLMLog):
            given |= {"company": factories.make_company(), "sponsor_text_norm": f"sponsor {number}"}
        return model.objects.create(**given)

    return make_one


def _signal() -> Any:
    study = factories.make_study()
    return signals.Signal.objects.create(
        trial=study.trial, s_id="S1", severity="H", value="0.5", source_study=study, evidence_span="was changed"
    )


def _gate() -> Any:
    signal = _signal()
    return signals.Gate.objects.create(
        trial=signal.trial, g_id="G1", fired_bool=True, supporting_s_ids=["S1", "S2"], lr_used="3.5", metadata=HEAVY
    )


def _score() -> Any:
    return signals.Score.objects.create(
        trial=_gate().trial,
        run_id="run 1",
        prior_pi="0.5",
        logit_prior="0",
        sum_log_lr="1.252763",
        logit_post="1.252763",
        p_fail="0.77778",
        metadata=HEAVY,
    )


def _sample(**fields: Any) -> Any:
    given = {"heuristic": "HP-2", "population": 400, "size": 100, "second_share": "0.15", "seed": 1, "drawn_by": "olga"}
    return linkaudit.ReviewSample.objects.create(**{**given, **fields})


def _slot() -> Any:
    audit = factories.make_link_audit()
    # An open slot would hide its link from adjudicators.
    return linkaudit.ReviewSlot.objects.create(sample=_sample(), position=1, audit_id=audit.pk, state="deleted")


def _skip() -> Any:
    slot = _slot()
    return linkaudit.ReviewSkip.objects.create(
        slot=slot, audit_id=slot.audit_id, reviewer="rita", reason="in a language that I do not read"
    )


def _look() -> Any:
    return linkaudit.InterimAnalysis.objects.create(
        sample=_sample(), size=100, error_count=1, alpha="0.0125", lower_bound="0.9391", passed=False
    )


def _review() -> Any:
    audit = factories.make_link_audit()
    review = sql.scalar("record_link_review", audit.pk, "right", "rita", "page", "clear")
    return linkaudit.LinkReview.objects.get(pk=review)


def _disagreement() -> Any:
    audit = factories.make_link_audit()
    sql.scalar("record_link_review", audit.pk, "unsure", "rita", "queue")
    return linkaudit.LinkDisagreement.objects.get(pk=audit.pk)


def _token() -> Any:
    number = next(_numbers)
    return ApiToken.objects.create(
        user=factories.make_user(None, f"user {number}"),
        name="notebook",
        token_sha256=f"{number:064x}",
        expires_at=MOMENT,
    )


def _promotion() -> Any:
    return linkaudit.LinkPromotion.objects.create(
        heuristic="HP-1",
        promoted_by="olga",
        reason="the gate is open",
        override_reason="no sample yet",
        precision_counts={
            "total_links": 1,
            "reviewed_links": 1,
            "correct_links": 1,
            "precision_rate": "1.0000",
            **HEAVY,
        },
        link_count=1,
    )


def _promotion_item() -> Any:
    return linkaudit.LinkPromotionItem.objects.create(
        promotion=_promotion(), audit_id=factories.make_link_audit().pk, previous_status="pending"
    )


def _document_part(model: Any, **fields: Any) -> Callable[[], Any]:
    return lambda: model.objects.create(doc=factories.make_document(), **fields)


MAKERS: dict[Any, Callable[[], Any]] = {
    linkaudit.Asset: factories.make_asset,
    linkaudit.AssetAlias: _asset_alias,
    linkaudit.HeuristicPrecision: _heuristic_precision,
    linkaudit.LinkAudit: lambda: factories.make_link_audit(evidence_jsonb=HEAVY),
    linkaudit.LinkDisagreement: _disagreement,
    linkaudit.LinkPromotion: _promotion,
    linkaudit.LinkPromotionItem: _promotion_item,
    linkaudit.LinkReview: _review,
    linkaudit.MergeCandidate: lambda: linkaudit.MergeCandidate.objects.create(
        asset_1=factories.make_asset(), asset_2=factories.make_asset(), merge_reason="same code", evidence_jsonb=HEAVY
    ),
    linkaudit.InterimAnalysis: _look,
    linkaudit.ReviewSample: _sample,
    linkaudit.ReviewSkip: _skip,
    linkaudit.ReviewSlot: _slot,
    linkaudit.StudyAssetLink: lambda: linkaudit.StudyAssetLink.objects.create(
        study_id=str(next(_numbers)), asset=factories.make_asset(), how="HP-1", confidence=1, link_source="test"
    ),
    linkaudit.TrialAssetLink: lambda: linkaudit.TrialAssetLink.objects.create(
        trial=factories.make_trial(), asset=factories.make_asset(), how="HP-1", confidence=1, link_source="test"
    ),
    securities.ActiveUSSecurity: _active_us_security,
    securities.Company: factories.make_company,
    securities.CompanyAlias: lambda: securities.CompanyAlias.objects.create(
        company=factories.make_company(), alias="Old Name", alias_norm=f"old name {next(_numbers)}", alias_type="aka"
    ),
    securities.CompanyCanonical: lambda: securities.CompanyCanonical.objects.get(company=factories.make_company()),
    securities.CompanyRelationship: lambda: securities.CompanyRelationship.objects.create(
        parent_company=factories.make_company(), child_company=factories.make_company(), rel_type="subsidiary"
    ),
    securities.CompanySecurity: _company_security,
    securities.CompanyTicker: _company_ticker,
    securities.Exchange: lambda: securities.Exchange.objects.create(code=f"X{next(_numbers)}", name="An exchange"),
    securities.ResolverDecision: _resolver(securities.ResolverDecision, sponsor_text="Sponsor", match_type="exact"),
    securities.ResolverFeature: _resolver(securities.ResolverFeature, features_jsonb=HEAVY),
    securities.ResolverFlag: lambda: securities.ResolverFlag.objects.create(key=f"flag {next(_numbers)}", value="on"),
    securities.ResolverIgnoredSponsor: lambda: securities.ResolverIgnoredSponsor.objects.create(
        pattern=rf"\bcollege_{next(_numbers)}/x\b"
    ),
    securities.ResolverLabel: _resolver(securities.ResolverLabel, is_match=True, source="reviewers"),
    securities.ResolverLLMLog: _resolver(
        securities.ResolverLLMLog, sponsor_text="Sponsor", candidates=[HEAVY], prompt=HEAVY["heavy"]
    ),
    securities.ResolverRule: lambda: securities.ResolverRule.objects.create(
        pattern=f"^sponsor {next(_numbers)}$", company=factories.make_company()
    ),
    securities.ReviewQueueItem: _resolver(securities.ReviewQueueItem, sponsor_text="Sponsor", candidates=[HEAVY]),
    securities.Security: make_security,
    signals.Gate: _gate,
    signals.IngestRun: lambda: signals.IngestRun.objects.create(source="ctgov", started_at=MOMENT),
    signals.IngestState: _ingest_state,
    signals.RegistryHistoryVersion: lambda: signals.RegistryHistoryVersion.objects.create(
        trial=factories.make_trial(), version_rank=1, submitted_date=DAY, url="https://clinicaltrials.gov/v/1"
    ),
    signals.Score: _score,
    signals.ScoreRun: lambda: signals.ScoreRun.objects.create(
        run_id=f"run {next(_numbers)}", state="complete", moment=MOMENT
    ),
    signals.Signal: _signal,
    signals.SignalEvaluation: lambda: signals.SignalEvaluation.objects.create(
        trial=factories.make_trial(),
        s_id="S1",
        outcome="not fired",
        reason="no change",
        evaluated_by="test",
        evidence=HEAVY,
    ),
    signals.TrialCurrentScore: lambda: signals.TrialCurrentScore.objects.get(trial=factories.make_trial()),
    signals.StagingError: lambda: signals.StagingError.objects.create(
        study=factories.make_study(), error_type="test", error_message="sample_size is missing", extracted_jsonb=HEAVY
    ),
    signals.Study: lambda: factories.make_study(extracted_jsonb=HEAVY),
    signals.Trial: factories.make_trial,
    signals.TrialVersion: lambda: signals.TrialVersion.objects.create(
        trial=factories.make_trial(), captured_at=MOMENT, raw_jsonb=HEAVY, sha256=f"{next(_numbers):064x}"
    ),
    ApiToken: _token,
    JobSchedule: lambda: JobSchedule.objects.create(
        name=f"nightly-{next(_numbers)}", kind="check_drift", cron="0 1 * * *", changed_by="olga"
    ),
    JobPart: lambda: JobPart.objects.create(
        job=Job.objects.create(kind="storage_verify", requested_by="olga"), arguments=HEAVY
    ),
    Job: lambda: Job.objects.create(kind="storage_verify", requested_by="olga", arguments=HEAVY),
    MigrationLog: _migration_log,
    SchemaVersion: SchemaVersion.objects.get,
    storage.Document: factories.make_document,
    storage.DocumentCitation: _document_part(storage.DocumentCitation, doi="10.1/x", crossref_jsonb=HEAVY),
    storage.DocumentNote: _document_part(storage.DocumentNote, notes_md=HEAVY["heavy"], author="rita"),
    storage.DocumentTable: _document_part(storage.DocumentTable, page_no=1, table_idx=0, table_jsonb=HEAVY),
    storage.DocumentTextPage: _document_part(storage.DocumentTextPage, page_no=1, char_count=5, text="words"),
    storage.StorageEvent: lambda: storage.StorageEvent.objects.create(
        action="count_corrected", sha256=f"{next(_numbers):064x}", backend_type="local", detail=HEAVY
    ),
    storage.StorageObject: factories.make_storage_object,
    storage.StorageTombstone: lambda: storage.StorageTombstone.objects.create(
        storage_uri=f"local://{next(_numbers):064x}", reason="deleted", delete_after=MOMENT
    ),
    storage.StorageReference: lambda: storage.StorageReference.objects.create(
        object=factories.make_storage_object(), reference_type="document", referenced_id=next(_numbers)
    ),
}
