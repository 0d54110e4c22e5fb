"""Jobs in the search, by number and by type. The search imports the module by its name."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.jobs.job_types import registered_job_types
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import job_title, state_label
from ncfd_site.search.providers import Hit, Provider, has_words, parse_key, register


def find_jobs(text: str, user: User) -> Iterator[Hit]:
    """Yield the job of a number, or the lists of the types whose title has the words of a text."""
    key = parse_key(text)
    if key is None:
        for kind in registered_job_types():
            if has_words(text, kind.title):
                yield Hit(
                    kind.title, f"{reverse('jobs:jobs')}?{urlencode({'kind': kind.name})}", "all jobs of this type"
                )
        return
    for job in Job.objects.filter(pk=key).defer("checkpoint"):
        yield Hit(f"Job {key}", reverse("jobs:job", args=[key]), f"{job_title(job)}, {state_label(job)}")


register(Provider(key="jobs", title="Jobs", position=70, find=find_jobs, permissions=("jobs.view_job",)))
