"""Home page shortcuts to companies."""

from ncfd_site.dashboard.views import register_shortcut
from securities.models import Company, CompanySecurity, ReviewQueueItem

register_shortcut(Company, "companies by CIK, with their names and owners", position=60)
register_shortcut(CompanySecurity, "tickers of each company", position=70)
register_shortcut(ReviewQueueItem, "sponsors without a company", position=80)
