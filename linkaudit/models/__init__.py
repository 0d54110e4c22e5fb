"""Assets, the claims that tie them to trials, what people said of these, and the samples that they were asked."""

from linkaudit.models.claims import (
    Asset,
    AssetAlias,
    HeuristicPrecision,
    LinkAudit,
    MergeCandidate,
    StudyAssetLink,
    TrialAssetLink,
)
from linkaudit.models.reviews import (
    InterimAnalysis,
    LinkDisagreement,
    LinkPromotion,
    LinkPromotionItem,
    LinkReview,
    ReviewSample,
    ReviewSkip,
    ReviewSlot,
)

__all__ = [
    "Asset",
    "AssetAlias",
    "HeuristicPrecision",
    "InterimAnalysis",
    "LinkAudit",
    "LinkDisagreement",
    "LinkPromotion",
    "LinkPromotionItem",
    "LinkReview",
    "MergeCandidate",
    "ReviewSample",
    "ReviewSkip",
    "ReviewSlot",
    "StudyAssetLink",
    "TrialAssetLink",
]
