"""Clients of the trial, which remember what was acknowledged: reviewers, a pipeline of documents, an operator."""

import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import Error, connection, transaction

from ncfd_site.config.errors import UserError
from ncfd_site.exports.jobs import JOB
from ncfd_site.jobs import queue
from ncfd_site.jobs.engine import OPEN
from ncfd_site.jobs.models import Job
from storage.content import ContentStore, get_content_store
from storage.content.base import ContentError
from storage.loading import add_documents
from storage.models import Document
from storage.verification import Check
from tests.replicas.machines import Browser
from tests.storage.store_setup import build_document

# Seconds between two requests of a user.
PACE = (0.5, 3.5)
SEEN_AT = re.compile(r'name="seen_at" value="([^"]+)"')
JOBS: dict[str, dict[str, Any]] = {
    "storage_verify": {"only": [check.value for check in Check], "sample": 100},
    "storage_gc": {"grace_days": 0, "retention_minutes": 0, "max_delete_percent": 100},
    "backup": {"keep": 2},
    "prune": {"apply": True},
}


@dataclass
class Reviewer(Browser):
    """A user who labels links of their own and reads, on any site that answers."""

    links: list[int] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    # Note of each acknowledged decision by link, and when it was acknowledged.
    acknowledged: dict[int, tuple[str, float]] = field(default_factory=dict)
    lost_reads: list[str] = field(default_factory=list)
    refused: list[tuple[str, int, str]] = field(default_factory=list)

    def request(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Send a request to a site, and the next one to another site if there is no answer."""
        status, text = super().request(path, form)
        # 409: the outcome of an earlier attempt was unknown, and it had been saved.
        if status not in (0, 200, 302, 409, 503):
            self.refused.append((path, status, text))
        if status in (0, 503):
            self.port = self.ports[(self.ports.index(self.port) + 1) % len(self.ports)]
        return status, text

    def work(self, finished: threading.Event, rng: random.Random) -> None:
        """Label, read the own label, read lists, until the end."""
        for link in self.links:
            while link not in self.acknowledged and not finished.wait(rng.uniform(*PACE)):
                self._label(link)
            if finished.is_set():
                return
            finished.wait(rng.uniform(*PACE))
            status, text = self.request(f"/links/{link}/")
            if status == 200 and self.acknowledged[link][0] not in text:
                self.lost_reads.append(f"{link} {time.time()}")
            self.request(rng.choice(["/trials/", "/links/", "/heuristics/", "/"]))

    def _label(self, link: int) -> None:
        status, text = self.request(f"/links/{link}/")
        found = SEEN_AT.search(text)
        if status != 200 or not found:
            return
        note = f"decided {link} {len(self.answers)}"
        status, _ = self.request(f"/links/{link}/", {"decision": "right", "note": note, "seen_at": found[1]})
        if status == 302:
            self.acknowledged[link] = note, time.time()


@dataclass
class Pipeline:
    """Adds documents to both stores and deletes some of them."""

    rng: random.Random
    # Source URL and content of each document whose commit was acknowledged, and the URLs of deleted ones.
    kept: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    _count: int = 0

    def work(self, finished: threading.Event) -> None:
        """Work until the end; what fails is repeated with other documents."""
        while not finished.wait(1):
            try:
                self._add(get_content_store(self.rng.choice(["local", "s3"])))
                self._delete()
            except (Error, ContentError) as error:
                self.failures[type(error).__name__] += 1
                connection.close()
        connection.close()

    def _add(self, store: ContentStore) -> None:
        contents = {}
        for _ in range(5):
            self._count += 1
            contents[f"https://example.org/trial/{self._count}"] = self.rng.randbytes(self.rng.randint(1, 20_000))
        with transaction.atomic():
            add_documents([build_document(url, content) for url, content in contents.items()], store)
        self.kept |= contents

    def _delete(self) -> None:
        chosen = self.rng.sample(sorted(self.kept), min(2, len(self.kept)))
        # Unknown until the commit is acknowledged.
        removed = [(url, self.kept.pop(url)) for url in chosen]
        with transaction.atomic():
            Document.objects.filter(source_url__in=[url for url, _ in removed]).delete()
        self.deleted |= {url for url, _ in removed}


@dataclass
class Operator:
    """Keeps one job of each type open, and remembers those whose start was acknowledged."""

    analyst: Reviewer
    rng: random.Random
    started: dict[int, str] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    def work(self, finished: threading.Event) -> None:
        """Start jobs until the end."""
        while not finished.wait(2):
            try:
                open_kinds = set(Job.objects.filter(state__in=OPEN).values_list("kind", flat=True))
                actor = User.objects.get(username="olga")
                for kind in [kind for kind in JOBS if kind not in open_kinds and self.rng.random() < 0.3]:
                    self.started[queue.start(kind, JOBS[kind], actor=actor).pk] = kind
                if JOB not in open_kinds and self.analyst.request("/exports/links/csv/", {})[0] == 302:
                    self.started[int(self.analyst.location.strip("/").rpartition("/")[2])] = JOB
            except (Error, UserError) as error:
                self.failures[type(error).__name__] += 1
                connection.close()
        connection.close()
