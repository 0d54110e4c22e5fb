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
    LinkDispute,
    LinkPromotion,
    LinkPromotionRow,
    LinkReview,
    ReviewLook,
    ReviewSample,
    ReviewSkip,
    ReviewSlot,
)

__all__ = [
    "Asset",
    "AssetAlias",
    "HeuristicPrecision",
    "LinkAudit",
    "LinkDispute",
    "LinkPromotion",
    "LinkPromotionRow",
    "LinkReview",
    "MergeCandidate",
    "ReviewLook",
    "ReviewSample",
    "ReviewSkip",
    "ReviewSlot",
    "StudyAssetLink",
    "TrialAssetLink",
]
