"""Home page tiles and shortcuts about trials."""

from ncfd_site.dashboard.views import register_shortcut
from signals.dashboard import activity, failures, freshness, movements, risk  # noqa: F401  (they register)
from signals.models import IngestRun, Score, Signal, Trial

register_shortcut(Trial, "trials with their versions and published results", position=10)
register_shortcut(Signal, "warning signs that fired", position=20)
register_shortcut(Score, "probability of failure, run by run", position=30)
register_shortcut(IngestRun, "runs of the loaders", position=90)
