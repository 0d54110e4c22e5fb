"""Assets, links, reviews, samples and promotions."""

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
