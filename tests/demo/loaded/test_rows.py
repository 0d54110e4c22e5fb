"""Every table that a page shows has rows of every kind."""

from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import F, Model

from linkaudit.models import (
    Asset,
    LinkAudit,
    LinkPromotion,
    LinkPromotionItem,
    MergeCandidate,
    StudyAssetLink,
    TrialAssetLink,
)
from linkaudit.promotion.queries import list_later_errors
from linkaudit.queries import read_precision
from ncfd_site.core import demo_flag, sql
from ncfd_site.demo.load import count_rows
from securities.models import (
    ActiveUSSecurity,
    Company,
    CompanyAlias,
    CompanyCanonical,
    CompanyRelationship,
    ResolverDecision,
    ResolverLLMLog,
    ReviewQueueItem,
    Security,
)
from securities.queries.lookups import list_domains
from signals.models import IngestRun, IngestState, StagingError, Study, Trial, TrialVersion
from storage.content import get_content_store
from storage.models import Document, StorageObject
from storage.queries import count_references, find_gc_candidates

pytestmark = pytest.mark.django_db

OURS = [
    model
    for app in ("storage", "linkaudit", "securities", "signals")
    for model in apps.get_app_config(app).get_models()
]
KINDS: list[tuple[type[Model], str]] = [
    (LinkAudit, "label_source"),
    (LinkAudit, "promotion_status"),
    (Document, "source_type"),
    (Document, "status"),
    (CompanyAlias, "alias_type"),
    (Security, "status"),
    (ReviewQueueItem, "status"),
    (ResolverDecision, "decided_by"),
    (ResolverLLMLog, "decision_mode"),
]


def test_every_table_and_view_has_rows(subtests: pytest.Subtests) -> None:
    for model in OURS:
        with subtests.test(model._meta.db_table):
            assert model._default_manager.exists()


def test_tables_without_a_model_have_rows() -> None:
    for table in ("document_entities", "document_links", "v_domain_aliases"):
        assert sql.value(f"SELECT count(*) FROM {table}")


def test_the_report_counts_every_table_that_is_filled() -> None:
    tables = {model._meta.db_table for model in OURS} | {"document_entities", "document_links"}
    views = {"heuristic_precision_summary", "v_company_canonical", "v_company_tickers"}
    counts = {table: count for part in count_rows().values() for table, count in part.items()}
    assert set(counts) == tables - views
    assert all(counts.values())


def test_there_is_a_row_of_every_kind(subtests: pytest.Subtests) -> None:
    for model, field in KINDS:
        with subtests.test(f"{model.__name__}.{field}"):
            described: Any = model._meta.get_field(field)
            assert {value for value, _ in described.choices} <= set(
                model._default_manager.values_list(field, flat=True)
            )


def test_heuristics_are_above_and_below_the_promotion_rule() -> None:
    assert sql.scalar("can_auto_promote_heuristic", "HP-1")
    hp1, hp2, hp3, hp4 = (read_precision(f"HP-{number}") for number in range(1, 5))
    assert hp1
    assert hp1.incorrect_links
    assert hp2
    assert hp2.reviewed_links >= 50
    assert hp2.precision_rate
    assert 0.90 <= hp2.precision_rate < 0.95
    assert not sql.scalar("can_auto_promote_heuristic", "HP-2")
    assert hp3
    assert 0 < hp3.reviewed_links < 50
    assert hp4
    assert hp4.reviewed_links == 0
    assert all(one.unreviewed_links for one in (hp1, hp2, hp3, hp4))


@pytest.mark.parametrize(("heuristic", "confidence"), [("HP-1", 1.0), ("HP-2", 0.95), ("HP-3", 0.9), ("HP-4", 0.85)])
def test_confidence_is_that_of_the_heuristic(heuristic: str, confidence: float) -> None:
    found = LinkAudit.objects.filter(heuristic_applied=heuristic).values_list("confidence", flat=True)
    assert {float(one) for one in found} == {confidence}


def test_a_label_comes_with_its_source_and_time_after_the_claim() -> None:
    labeled = LinkAudit.objects.exclude(label=None)
    assert not labeled.filter(label_source=None).exists()
    assert not labeled.filter(reviewed_at__lte=F("created_at")).exists()
    assert not labeled.filter(label_source="human_review", reviewed_by=None).exists()
    assert set(labeled.values_list("reviewed_by", flat=True)) >= {"rita", "adam", None}
    assert not LinkAudit.objects.filter(label=None).exclude(reviewed_by=None, reviewed_at=None).exists()
    wrong = LinkAudit.objects.filter(label=False)
    assert set(wrong.values_list("promotion_status", flat=True)) == {"rejected", "promoted"}
    # Labeled after the promotion of the link.
    assert wrong.filter(promotion_status="promoted").count() == 1


def test_promoted_claims_are_links_of_trials_and_studies() -> None:
    trials = dict(Trial.objects.values_list("nct_id", "pk"))
    promoted = LinkAudit.objects.filter(promotion_status="promoted")
    assert promoted.count() >= 20
    links = set(TrialAssetLink.objects.values_list("trial_id", "asset_id"))
    assert {(trials[one.nct_id or ""], one.asset_id) for one in promoted} <= links
    by_olga = LinkPromotionItem.objects.filter(promotion__reverted_at=None).values("audit_id")
    assert not promoted.exclude(label=True).exclude(pk__in=by_olga).exists()
    keys = {str(key) for key in Study.objects.values_list("pk", flat=True)}
    assert set(StudyAssetLink.objects.values_list("study_id", flat=True)) <= keys


def test_one_promotion_stands_and_one_was_taken_back() -> None:
    stands, back = (
        LinkPromotion.objects.get(reverted_at=None),
        LinkPromotion.objects.exclude(reverted_at=None).get(),
    )
    assert stands.promoted_at > back.promoted_at
    assert stands.link_count == stands.items.count() > 0 < back.link_count == back.items.count()
    links = LinkAudit.objects.filter(pk__in=stands.items.values("audit_id"))
    assert set(links.values_list("promotion_status", flat=True)) == {"promoted"}
    assert not links.filter(created_at__gte=stands.promoted_at).exists()
    assert len(list_later_errors(stands, User(username="ana", is_active=False))) == 1


def test_an_asset_has_a_name_of_each_kind_and_pairs_are_pending_rejected_and_approved() -> None:
    kinds = {kind for names in Asset.objects.values_list("names_jsonb", flat=True) for kind in names}
    assert kinds >= {"inn", "code", "brand"}
    assert set(MergeCandidate.objects.values_list("status", flat=True)) == {"pending", "rejected", "approved"}


def test_companies_have_current_and_former_parents() -> None:
    assert CompanyRelationship.objects.filter(end_date=None).exists()
    assert CompanyRelationship.objects.exclude(end_date=None).exists()
    laputa = Company.objects.get(name="Laputa Neurosciences plc")
    assert CompanyCanonical.objects.get(company=laputa).canonical.name == "Flying Island Holdings plc"
    assert {one.src for one in list_domains(laputa.pk)} == {"alias", "company"}


def test_the_view_of_active_securities_was_refreshed() -> None:
    active = Security.objects.filter(status="active", exchange__is_allowed=True)
    assert set(ActiveUSSecurity.objects.values_list("pk", flat=True)) == set(active.values_list("pk", flat=True))
    assert Security.objects.filter(status="active", exchange__is_allowed=False).exists()


def test_sponsors_are_resolved_or_left_open() -> None:
    assert Trial.objects.exclude(sponsor_company=None).count() > 50
    open_ones = set(Trial.objects.filter(sponsor_company=None).values_list("sponsor_text", flat=True))
    assert "University of Nowhere" in open_ones
    assert set(ReviewQueueItem.objects.filter(status="pending").values_list("sponsor_text", flat=True)) <= open_ones
    for decision in ResolverDecision.objects.exclude(company=None):
        assert Trial.objects.get(nct_id=decision.nct_id).sponsor_company_id == decision.company_id


def test_the_loader_records_the_changes_of_records() -> None:
    assert TrialVersion.objects.filter(changed_primary_endpoint=True).count() >= 6
    assert TrialVersion.objects.filter(sample_size_delta__lt=0).exists()
    assert TrialVersion.objects.filter(sample_size_delta__gt=0).exists()
    for version in TrialVersion.objects.filter(changed_primary_endpoint=True):
        assert any("primaryOutcomes" in change["field"] for change in version.changes_jsonb or [])
    statuses = set(Trial.objects.values_list("status", flat=True))
    assert statuses >= {"RECRUITING", "COMPLETED", "TERMINATED", "WITHDRAWN", "SUSPENDED", "UNKNOWN"}
    assert Trial.objects.filter(is_pivotal=True).count() >= 25
    assert Trial.objects.filter(is_pivotal=False).count() >= 20


def test_ingest_runs_end_or_are_cut_off() -> None:
    assert IngestRun.objects.filter(finished_at=None).exists()
    ends = IngestRun.objects.exclude(finished_at=None)
    assert not ends.filter(finished_at__lte=F("started_at")).exists()
    assert list(IngestRun.objects.order_by("pk")) == list(IngestRun.objects.order_by("started_at"))
    last = IngestRun.objects.filter(source="ctgov").exclude(finished_at=None).latest("pk")
    assert IngestState.objects.get().last_run_at == last.started_at


def test_the_database_reports_what_cards_lack() -> None:
    messages = set(StagingError.objects.values_list("error_message", flat=True))
    assert len(messages) >= 3
    assert not StagingError.objects.exclude(error_type="pivotal_validation").exists()
    assert not StagingError.objects.filter(trial__is_pivotal=False).exists()
    whole = Study.objects.filter(trial__is_pivotal=True, staging_errors=None)
    assert whole.count() > StagingError.objects.count()
    cards = [card or {} for card in Study.objects.values_list("extracted_jsonb", flat=True)]
    stated = {card["results"]["primary"][0].get("p_value") for card in cards}
    assert {0.048, "<0.001"} <= stated
    assert (
        not Study.objects.filter(extracted_jsonb__results__primary__0__p_value="<0.001").exclude(p_value=None).exists()
    )


def test_objects_are_stored_and_their_references_counted(demonstration: Any) -> None:
    store = get_content_store()
    local = StorageObject.objects.filter(backend_type="local")
    for one in local.order_by("pk")[::9]:
        assert len(store.read(one.storage_uri)) == one.size_bytes > 0
    assert all(store.exists(one.storage_uri) for one in local)
    everything = list(StorageObject.objects.all())
    counted = count_references([one.pk for one in everything])
    assert {one.pk: one.refcount for one in everything} == counted
    assert max(counted.values()) >= 2
    assert not Document.objects.filter(object=None).exists()
    assert Study.objects.exclude(object=None).count() == Study.objects.count()


def test_some_objects_are_past_the_grace_period_and_some_are_not() -> None:
    candidates = find_gc_candidates()
    unused = find_gc_candidates(max_age_days=0)
    assert 0 < len(candidates) < len(unused)
    assert all(one.refcount == 0 and one.size_bytes for one in unused)


def test_the_database_is_marked() -> None:
    assert sql.value(demo_flag.READ_COMMENT) == "ncfd demonstration"
    assert demo_flag.is_demonstration()


TIMES: list[tuple[type[Model], str]] = [
    (model, field.name)
    for model in OURS
    for field in model._meta.get_fields()
    if getattr(field, "get_internal_type", lambda: "")() == "DateTimeField"
    and model is not ActiveUSSecurity
    # Tombstones expire in the future.
    and field.name != "delete_after"
]


def test_no_row_has_the_time_of_the_load(subtests: pytest.Subtests) -> None:
    for model, field in TIMES:
        with subtests.test(f"{model.__name__}.{field}"):
            # Rows of a new database are older than this transaction.
            assert not model._default_manager.filter(**{f"{field}__gte": sql.value("SELECT now()")}).exists()


def test_ranges_of_one_ticker_do_not_overlap_and_one_ticker_moved() -> None:
    by_ticker: dict[str, list[Security]] = {}
    for security in Security.objects.order_by("effective_range"):
        assert security.ticker.startswith("ZQ")
        by_ticker.setdefault(security.ticker, []).append(security)
    for securities in by_ticker.values():
        for earlier, later in pairwise(securities):
            assert earlier.effective_range.upper <= later.effective_range.lower
    assert any(len({security.company_id for security in securities}) > 1 for securities in by_ticker.values())
