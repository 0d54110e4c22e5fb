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
    LinkDispute,
    LinkPromotion,
    LinkPromotionRow,
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
    "LinkDispute",
    "LinkPromotion",
    "LinkPromotionRow",
    "LinkReview",
    "MergeCandidate",
    "ReviewSample",
    "ReviewSkip",
    "ReviewSlot",
    "StudyAssetLink",
    "TrialAssetLink",
]
