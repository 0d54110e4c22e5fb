"""Shortcuts of the home page to companies."""

from ncfd_site.dashboard.views import register_shortcut
from securities.models import Company, CompanySecurity, ReviewQueueItem

register_shortcut(Company, "companies by CIK, with their names and owners", position=60)
register_shortcut(CompanySecurity, "which tickers belong to which company", position=70)
register_shortcut(ReviewQueueItem, "sponsors that no company could be found for", position=80)
