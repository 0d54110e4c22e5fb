"""How long a running job still takes, from how fast it goes while somebody watches.

The page that asks again carries along since when it counts, so that nothing is kept on the server.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone

from ncfd_site.core.formatting import format_duration
from ncfd_site.jobs import words
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import OPEN

# Seconds of watching below which nothing is said of the pace.
LEAST = 3.0


class WatchForm(forms.Form):
    """What the address of a watched job carries."""

    state = forms.CharField(required=False, max_length=20)
    step = forms.CharField(required=False, max_length=500, strip=False)
    done = forms.IntegerField(required=False, min_value=0, max_value=2**63)
    at = forms.FloatField(required=False, min_value=0, max_value=1e12)


@dataclass(frozen=True, slots=True)
class Watch:
    """Where a job stood when somebody saw it first: a word, the step, units done, and when (seconds of the epoch)."""

    word: str
    step: str
    done: int
    at: float

    @classmethod
    def of(cls, job: Job) -> "Watch":
        """Begin to watch a job."""
        return cls(words.standing(job).word, job.step[:500], job.done, timezone.now().timestamp())

    @classmethod
    def read(cls, query: QueryDict) -> "Watch | None":
        """Read it from the query of an address; None where it is not there."""
        form = WatchForm(query)
        if not form.is_valid() or form.cleaned_data["at"] is None:
            return None
        said = form.cleaned_data
        return cls(said["state"], said["step"], said["done"] or 0, said["at"])

    @property
    def query_string(self) -> str:
        """It as the query of an address."""
        return urlencode({"state": self.word, "step": self.step, "done": self.done, "at": f"{self.at:.3f}"})


@dataclass(frozen=True, slots=True)
class Sight:
    """A job as somebody sees it who may have watched it for a while: `changed` since, `watch` to ask again with."""

    job: Job
    watch: Watch
    changed: bool
    remaining: str

    @property
    def is_open(self) -> bool:
        """Whether the job waits or runs."""
        return self.job.state in OPEN


def look(job: Job, before: Watch | None) -> Sight:
    """Look at a job again; `before` is what was seen earlier."""
    now = Watch.of(job)
    if before is None:
        return Sight(job, now, changed=True, remaining="")
    changed = (before.word, before.step) != (now.word, now.step)
    if changed or before.done > now.done:
        # Another step, or begun again: another pace.
        return Sight(job, now, changed=changed, remaining="")
    return Sight(job, before, changed=False, remaining=_remaining(job, before, now))


def _remaining(job: Job, before: Watch, now: Watch) -> str:
    watched, progressed = now.at - before.at, now.done - before.done
    if job.state != Job.State.RUNNING or job.total is None or progressed <= 0 or watched < LEAST:
        return ""
    left = max(job.total - job.done, 0) * watched / progressed
    return f"about {format_duration(left)} still"
