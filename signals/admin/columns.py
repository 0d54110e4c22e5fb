"""Columns and searches shared by the lists about trials."""

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import related

TRIAL = related("trial", "nct_id", "trial")
BY_TRIAL = search.trial_number("trial__nct_id")
PIPELINE = "Pipelines fill this table; the demonstration has examples."
