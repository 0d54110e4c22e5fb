"""The long work on links; each part of it has its kinds beside what they do."""

from linkaudit import bulk_jobs, exporting  # noqa: F401  (what can be exported registers here too)
from linkaudit.promotion import jobs as promotion  # noqa: F401
from linkaudit.sampling import jobs as sampling  # noqa: F401
