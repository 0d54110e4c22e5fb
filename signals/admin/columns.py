"""Columns and searches that the tables about trials share."""

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import related

TRIAL = related("trial", "nct_id", "trial")
BY_TRIAL = search.trial_number("trial__nct_id")
PIPELINE = "The pipelines write this table; `manage.py load_demonstration` puts examples into the demonstration."
