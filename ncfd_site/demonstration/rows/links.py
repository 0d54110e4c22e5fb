"""Claims of the heuristics, and what people said of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from linkaudit.models import LinkAudit, LinkReview
from ncfd_site.demonstration.plan.calendar import Calendar, moment
from ncfd_site.demonstration.plan.claims import CONFIDENCE, LINK_TYPE, Claim
from ncfd_site.demonstration.plan.labels import HUMAN, Label, Proposal, labels_of
from ncfd_site.demonstration.plan.trials import PlannedTrial

# Open claims that somebody put aside for a second look.
PUT_ASIDE = 5


def add_claims(claims: Sequence[Claim], documents: Mapping[str, int], assets: Mapping[str, int]) -> None:
    """Add the claims of HP-1, HP-3 and HP-4; those of HP-2 came with the registry records."""
    LinkAudit.objects.bulk_create(
        LinkAudit(
            doc_id=documents[claim.publication.source_url],
            asset_id=assets[claim.drug.key],
            nct_id=claim.nct_id,
            link_type=LINK_TYPE,
            heuristic_applied=claim.heuristic,
            confidence=CONFIDENCE[claim.heuristic],
            evidence_jsonb=claim.evidence,
            created_at=moment(claim.publication.published, 21),
            updated_at=moment(claim.publication.published, 21),
        )
        for claim in claims
    )


def add_labels(trials: Sequence[PlannedTrial], assets: Mapping[str, int], calendar: Calendar) -> list[Label]:
    """Label some of the claims of all heuristics, promote and reject some; returns the labels."""
    labels = labels_of(proposals(trials, assets), calendar)
    labelled = {label.proposal.audit_id: label for label in labels}
    # The label follows from the record, which says when it was given.
    LinkReview.objects.bulk_create(_review(label) for label in labels)
    audits = LinkAudit.objects.in_bulk(labelled)
    for audit_id, audit in audits.items():
        label = labelled[audit_id]
        audit.promotion_status = label.status
        audit.updated_at = label.promoted_at or label.reviewed_at
    LinkAudit.objects.bulk_update(audits.values(), ["promotion_status", "updated_at"])
    aside = LinkAudit.objects.filter(label=None, created_at__lt=calendar.at(-20)).order_by("-audit_id")[:PUT_ASIDE]
    LinkAudit.objects.filter(pk__in=[audit.pk for audit in aside]).update(
        promotion_status="review", updated_at=calendar.at(-6, 10) + timedelta(minutes=12)
    )
    return labels


def _review(label: Label) -> LinkReview:
    one = label.proposal
    return LinkReview(
        audit_id=one.audit_id,
        doc_id=one.doc_id,
        asset_id=one.asset_id,
        decision="right" if one.is_true else "wrong",
        label_source=label.source,
        reviewer=label.reviewer,
        reviewed_at=label.reviewed_at,
        recorded_at=label.reviewed_at,
        mode="page" if label.source == HUMAN else "load",
        note=label.note,
    )


def proposals(trials: Sequence[PlannedTrial], assets: Mapping[str, int]) -> list[Proposal]:
    """The claims of all heuristics, and what a careful reader would say of each."""
    true = {(trial.nct_id, assets[drug.key]) for trial in trials for drug in trial.given}
    rows = LinkAudit.objects.order_by("pk").values_list(
        "pk", "heuristic_applied", "nct_id", "asset_id", "doc_id", "created_at"
    )
    return [
        Proposal(pk, heuristic or "", nct_id or "", asset, document, created, (nct_id, asset) in true)
        for pk, heuristic, nct_id, asset, document, created in rows
    ]
