"""Column types of the models: reads, writes and filters."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, models, transaction
from django.forms import modelform_factory
from psycopg.types.range import Range

from linkaudit.models import Asset, AssetAlias, LinkAudit
from ncfd_site.core import sql
from securities.models import ActiveUSSecurity, Exchange, ResolverRule, ReviewQueueItem, Security
from signals.models import Gate, Score, Signal, Study, Trial
from storage.models import Document
from tests.factories import POSTED, make_asset, make_company, make_document, make_storage_object, make_study, make_trial

pytestmark = pytest.mark.django_db


def make_security(ticker: str, **fields: Any) -> Security:
    defaults = {
        "company": fields.get("company") or make_company(),
        "exchange": Exchange.objects.get(code="NASDAQ"),
        "ticker_norm": ticker.upper(),
        "effective_range": Range(date(2024, 1, 1), None),
    }
    return Security.objects.create(ticker=ticker, **{**defaults, **fields})


class TestEnums:
    def test_value_is_read_filtered_and_searched_as_text(self) -> None:
        paper = make_document(source_type=Document.SourceType.PAPER, status="parsed")
        make_document(source_type="PR", status="linked")

        found = Document.objects.get(source_type="Paper")
        assert found == paper
        assert found.status == Document.Status.PARSED
        assert Document.objects.filter(status__in=["parsed", "linked"]).count() == 2
        assert Document.objects.exclude(source_type="PR").get() == paper
        assert Document.objects.get(source_type__icontains="pap") == paper
        assert Document.objects.get(status__iexact="PARSED") == paper

    def test_values_sort_by_the_order_of_labels(self) -> None:
        for status in ("error", "discovered", "linked"):
            make_document(status=status)

        assert list(Document.objects.order_by("status").values_list("status", flat=True)) == [
            "discovered",
            "linked",
            "error",
        ]

    def test_value_is_written_singly_and_in_bulk(self) -> None:
        asset = make_asset("aspirin")
        kinds = [kind for kind in AssetAlias.AliasType.values if kind != "inn"]
        AssetAlias.objects.bulk_create(
            AssetAlias(asset=asset, alias=kind, alias_norm=kind, alias_type=kind) for kind in kinds
        )
        documents = [make_document(), make_document()]
        documents[0].status, documents[1].status = Document.Status.LINKED, Document.Status.ERROR
        Document.objects.bulk_update(documents, ["status"])
        Document.objects.filter(pk=documents[1].pk).update(oa_status=models.F("oa_status"), source_type="FDA")

        assert set(asset.aliases.values_list("alias_type", flat=True)) == set(AssetAlias.AliasType.values)
        assert [Document.objects.get(pk=document.pk).status for document in documents] == ["linked", "error"]
        assert Document.objects.get(pk=documents[1].pk).source_type == "FDA"

    def test_value_is_written_by_an_upsert(self) -> None:
        make_document(source_url="https://example.com/1", status="parsed")
        Document.objects.bulk_create(
            [
                Document(
                    source_type="PR", source_url=f"https://example.com/{n}", storage_uri="x", sha256="x", status="error"
                )
                for n in (1, 2)
            ],
            update_conflicts=True,
            unique_fields=["source_url"],
            update_fields=["status"],
        )

        assert list(Document.objects.values_list("status", flat=True)) == ["error", "error"]

    def test_unknown_label_is_rejected(self) -> None:
        with pytest.raises(DataError, match="invalid input value for enum doc_status"), transaction.atomic():
            make_document(status="lost")


class TestDefaults:
    def test_defaults_are_returned_on_create(self) -> None:
        document = Document.objects.create(source_type="PR", storage_uri="x", sha256="x")
        asset = make_asset(names_jsonb={})
        audit = LinkAudit.objects.create(doc=document, asset=asset, link_type="x", confidence=1)

        assert (document.status, document.oa_status) == ("discovered", "unknown")
        assert document.discovered_at.tzinfo is not None
        assert (audit.promotion_status, audit.evidence_jsonb, audit.label) == ("pending", {}, None)
        assert audit.created_at == audit.updated_at
        assert ReviewQueueItem.objects.create(run_id="r", nct_id="NCT1").candidates == []

    def test_defaults_apply_in_bulk(self) -> None:
        document, asset = make_document(), make_asset()
        LinkAudit.objects.bulk_create(
            LinkAudit(doc=document, asset=asset, link_type="x", confidence="0.95") for _ in range(3)
        )

        assert {audit.promotion_status for audit in LinkAudit.objects.all()} == {"pending"}

    def test_sequence_default_applies_to_a_plain_column(self) -> None:
        company = make_company()
        first = ResolverRule.objects.create(pattern="^a", company=company)
        second = ResolverRule.objects.create(pattern="^b", company=company)

        assert (first.method, first.priority) == ("regex", 100)
        assert second.rule_id == first.rule_id + 1


class TestJson:
    def test_json_can_be_queried(self) -> None:
        aspirin = make_asset(names_jsonb={"inn": "aspirin", "code": ["A-1", "A-2"]})
        study = make_study(extracted_jsonb={"sample_size": {"total_n": 842}})

        assert Asset.objects.get(names_jsonb__code__contains="A-2") == aspirin
        assert Study.objects.get(extracted_jsonb__sample_size__total_n__gte=800) == study
        assert Study.objects.filter(extracted_jsonb__contains={"sample_size": {"total_n": 1}}).count() == 0


class TestArraysAndRanges:
    def test_array_is_a_list(self) -> None:
        trial = make_trial(intervention_types=["DRUG", "BIOLOGICAL"])
        gate = Gate.objects.create(
            trial=trial, g_id="G1", fired_bool=True, supporting_s_ids=["S1", "S2"], lr_used="3.5"
        )
        make_trial()

        assert Trial.objects.get(intervention_types__contains=["DRUG"]) == trial
        assert Gate.objects.get(supporting_s_ids__overlap=["S2", "S9"]) == gate
        assert Gate.objects.get(pk=gate.pk).supporting_s_ids == ["S1", "S2"]

    def test_date_range_can_be_queried_by_day(self) -> None:
        old = make_security(
            "GONE", effective_range=Range(date(2020, 1, 1), date(2021, 1, 1)), status=Security.Status.DELISTED
        )
        new = make_security("GONE")

        assert Security.objects.get(ticker_norm="GONE", effective_range__contains=date(2020, 6, 1)) == old
        assert Security.objects.get(ticker_norm="GONE", effective_range__endswith=None) == new
        assert Security.objects.get(pk=old.pk).effective_range == Range(date(2020, 1, 1), date(2021, 1, 1))

    def test_ranges_of_one_ticker_do_not_overlap(self) -> None:
        make_security("ONCE")

        with pytest.raises(IntegrityError, match="ex_no_overlap_ticker"), transaction.atomic():
            make_security("ONCE", status=Security.Status.DELISTED)


class TestNumbers:
    def test_numbers_keep_their_scale(self) -> None:
        trial = make_trial()
        signal = Signal.objects.create(trial=trial, s_id=Signal.Code.S8, severity="H", value="0.047512")
        score = Score.objects.create(
            trial=trial,
            run_id="r",
            prior_pi="0.3",
            logit_prior="-0.8473",
            sum_log_lr=0,
            logit_post="-0.8473",
            p_fail="0.3",
        )

        assert Signal.objects.get(value__range=(Decimal("0.045"), Decimal("0.050"))) == signal
        assert Score.objects.get(pk=score.pk).prior_pi == Decimal("0.30000")

    @pytest.mark.parametrize(
        ("written", "read"), [(0.0475, Decimal("0.0475")), ("0.0475", Decimal("0.0475")), ("<0.05", None)]
    )
    def test_p_value_is_generated_from_the_card(self, written: object, read: Decimal | None) -> None:
        study = make_study(extracted_jsonb={"results": {"primary": [{"p_value": written}]}})

        assert study.p_value == read
        assert Study.objects.filter(p_value__gt="0.04", p_value__lt="0.05").exists() is (read is not None)

    def test_p_value_is_read_back_after_a_write(self) -> None:
        study = make_study(extracted_jsonb={"results": {"primary": [{"p_value": 0.2}]}})
        study.p_value = Decimal(1)
        study.extracted_jsonb = {"results": {"primary": [{"p_value": 0.01}]}}
        study.save()

        study.refresh_from_db()
        assert study.p_value == Decimal("0.01")


class TestForeignKeys:
    def test_bigint_column_joins_an_integer_key(self) -> None:
        trial = make_trial()
        study = make_study(trial=trial)
        Signal.objects.create(trial=trial, s_id="S1", severity="M", source_study=study)

        assert Signal.objects.select_related("trial").get(trial__nct_id=trial.nct_id).trial == trial
        assert list(trial.studies.all()) == [study]
        assert Trial.objects.get(signals__source_study__year=2024) == trial
        assert [found.pk for found in Trial.objects.prefetch_related("signals")] == [trial.pk]

    def test_database_handles_deletion(self) -> None:
        trial = make_trial()
        study = make_study(trial=trial)
        signal = Signal.objects.create(trial=make_trial(), s_id="S1", severity="M", source_study=study)

        trial.delete()

        assert not Study.objects.exists()
        signal.refresh_from_db()
        assert signal.source_study is None

    def test_referenced_object_cannot_be_deleted(self) -> None:
        stored = make_storage_object()
        make_document(object=stored)

        with pytest.raises(IntegrityError), transaction.atomic():
            stored.delete()

    def test_active_security_has_company_and_exchange(self) -> None:
        security = make_security("LIVE")
        sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")

        listing = ActiveUSSecurity.objects.select_related("company", "exchange").get(ticker_norm="LIVE")

        assert (listing.security_id, listing.company, listing.exchange.code) == (
            security.security_id,
            security.company,
            "NASDAQ",
        )
        assert (listing.mic, listing.created_at >= POSTED) == ("XNAS", True)


class TestForms:
    def test_empty_input_becomes_null(self) -> None:
        form_class = modelform_factory(Document, fields=["publisher", "oa_status", "error_msg"])
        document = make_document(publisher="Acme", oa_status="green")

        form = form_class({"publisher": "", "oa_status": "", "error_msg": "x"}, instance=document)

        assert form.is_valid(), form.errors
        form.save()
        document.refresh_from_db()
        assert (document.publisher, document.oa_status) == (None, None)

    def test_line_field_has_a_single_line_widget(self) -> None:
        form = modelform_factory(Document, fields=["publisher", "error_msg", "status"])()

        assert 'type="text"' in str(form["publisher"])
        assert "<textarea" in str(form["error_msg"])
        assert '<option value="card_built">study card built</option>' in str(form["status"])
