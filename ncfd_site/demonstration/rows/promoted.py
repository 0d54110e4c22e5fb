"""Links of drugs to trials and studies that were promoted."""

from collections.abc import Mapping, Sequence

from linkaudit.models import StudyAssetLink, TrialAssetLink
from ncfd_site.demonstration.plan.claims import CONFIDENCE
from ncfd_site.demonstration.plan.labels import Label

BY_HAND = 3


def add_promoted(
    labels: Sequence[Label], trials: Mapping[str, int], documents: Mapping[str, int], studies: Mapping[str, int]
) -> None:
    """Add the links that the promoted claims became, each pair once, and a few that adam made by hand."""
    promoted = [label for label in labels if label.promoted_at]
    by_pair = {(label.proposal.nct_id, label.proposal.asset_id): label for label in reversed(promoted)}
    by_hand = [
        label
        for label in labels
        if label.proposal.heuristic == "HP-2" and label.proposal.is_true and label.reviewer == "adam"
        and (label.proposal.nct_id, label.proposal.asset_id) not in by_pair
    ][:BY_HAND]  # fmt: skip
    TrialAssetLink.objects.bulk_create(_trial_link(label, trials) for label in [*by_pair.values(), *by_hand])
    addresses = {number: address for address, number in documents.items()}
    by_study = {
        (studies[addresses[label.proposal.doc_id]], label.proposal.asset_id): label
        for label in promoted
        if addresses[label.proposal.doc_id] in studies
    }
    StudyAssetLink.objects.bulk_create(_study_link(study, label) for (study, _), label in by_study.items())


def _trial_link(label: Label, trials: Mapping[str, int]) -> TrialAssetLink:
    one, is_by_hand = label.proposal, label.promoted_at is None
    at = label.promoted_at or label.reviewed_at
    return TrialAssetLink(
        trial_id=trials[one.nct_id],
        asset_id=one.asset_id,
        how="by hand" if is_by_hand else one.heuristic,
        confidence=CONFIDENCE[one.heuristic],
        evidence_jsonb={"audit_id": one.audit_id, "heuristic": one.heuristic},
        link_source="review" if is_by_hand else "link_audit",
        source_doc_id=one.doc_id,
        promoted_at=at,
        promoted_by="adam" if is_by_hand else "promotion pipeline",
        notes="Seen in the protocol too." if is_by_hand else None,
        created_at=at,
        updated_at=at,
    )


def _study_link(study: int, label: Label) -> StudyAssetLink:
    one, at = label.proposal, label.promoted_at or label.reviewed_at
    return StudyAssetLink(
        study_id=str(study),
        asset_id=one.asset_id,
        how=one.heuristic,
        confidence=CONFIDENCE[one.heuristic],
        evidence_jsonb={"audit_id": one.audit_id, "heuristic": one.heuristic},
        link_source="link_audit",
        source_doc_id=one.doc_id,
        promoted_at=at,
        promoted_by="promotion pipeline",
        created_at=at,
        updated_at=at,
    )
