"""URL patterns of the site from `show_urls`, and a URL with a row for each."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import StringIO

from django.core.management import call_command

from linkaudit import models as linkaudit
from ncfd_site.jobs.models import Job
from securities import models as securities
from signals import models as signals
from storage.models import Document, StorageObject
from tests import factories
from tests.admin import rows, test_access
from tests.web.admin_table import ALONE


@dataclass(frozen=True, slots=True)
class Address:
    """A URL pattern with its name."""

    pattern: str
    name: str


@cache
def addresses() -> tuple[Address, ...]:
    """Return all URL patterns."""
    out = StringIO()
    call_command("show_urls", format_style="json", stdout=out)
    found = {entry["url"]: Address(entry["url"], entry["name"]) for entry in json.loads(out.getvalue())}
    return tuple(found[pattern] for pattern in sorted(found))


def fillings(**keys: object) -> Callable[[Address], str]:
    """Create rows, and return a function that fills a pattern with the keys of one of them.

    `keys` are the keys of other rows, by the name in the pattern.
    """
    score = rows.make(signals.Score)
    trial = score.trial
    signals.Score.objects.create(
        trial=trial, run_id="run 2", prior_pi="0.5", logit_prior="0", sum_log_lr="0", logit_post="0", p_fail="0.5"
    )
    signal = signals.Signal.objects.get(trial=trial)
    for captured in ("2024-01-01", "2024-02-01"):
        signals.TrialVersion.objects.create(
            trial=trial, captured_at=f"{captured} 12:00Z", raw_jsonb={"phase": captured}, sha256=captured
        )
    audit = factories.make_link_audit(heuristic_applied="HP-1")
    factories.make_link_audit(heuristic_applied="HP-1", label=True)
    linkaudit.LinkDisagreement.objects.create(audit_id=audit.pk, heuristic="HP-1", reason="unsure")
    company = factories.make_company()
    security = rows.make(securities.Security)
    job = Job.objects.create(kind="storage_verify", requested_by="olga", state="done", finished_at=rows.MOMENT)
    sample = rows.make(linkaudit.ReviewSample)
    linkaudit.ReviewSample.objects.filter(pk=sample.pk).update(closed_at=rows.MOMENT)
    values = {
        "<int:audit_id>": audit.pk,
        "<audit_id>": audit.pk,
        "<path:name>": "HP-1",
        "<name>": "HP-1",
        "<int:sample_id>": sample.pk,
        "<int:promotion_id>": rows.make(linkaudit.LinkPromotion).pk,
        "<int:review_id>": 2**31,
        "<uuid:token>": uuid.UUID(int=7),
        "<str:nct_id>": trial.nct_id,
        "<nct_id>": trial.nct_id,
        "<version_id>": signals.TrialVersion.objects.filter(trial=trial).latest("pk").pk,
        "<int:study_id>": signal.source_study_id,
        "<study_id>": signal.source_study_id,
        "<error_id>": rows.make(signals.StagingError).pk,
        "<int:cik>": company.cik,
        "<cik>": company.cik,
        "<path:ticker>": security.ticker,
        "<ticker>": security.ticker,
        "<rq_id>": rows.make(securities.ReviewQueueItem).pk,
        "<int:job_id>": job.pk,
        "<slug:schedule>": "check-drift",
        "<int:object_id>": rows.make(StorageObject).pk,
        "<int:doc_id>": rows.make(Document).pk,
        "<doc_id>": Document.objects.latest("pk").pk,
        "<int:token_id>": 2**31,
        "<str:name>": "links",
        "<slug:name>": "nothing",
        "<str:format_name>": "csv",
        "<path:rest>": "nothing",
    }

    def fill(address: Address) -> str:
        if address.pattern.startswith("/admin/") and address.pattern not in ALONE:
            return test_access.address(address.name.removeprefix("admin:"))
        filled = address.pattern
        for mark, value in values.items():
            filled = filled.replace(mark, str(keys.get(mark.strip("<>").rpartition(":")[2], value)))
        return filled

    return fill
