"""Companies, listings, and the tables of the sponsor resolver."""

from securities.models.companies import (
    Company,
    CompanyAlias,
    CompanyCanonical,
    CompanyRelationship,
    CompanySecurity,
    CompanyTicker,
)
from securities.models.listings import ActiveUSSecurity, Exchange, Security
from securities.models.resolver import (
    ResolverDecision,
    ResolverFeature,
    ResolverFlag,
    ResolverIgnoredSponsor,
    ResolverLabel,
    ResolverLLMLog,
    ResolverRule,
    ReviewQueueItem,
)
