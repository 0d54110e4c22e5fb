"""The first page of the admin's list of links, as the site answers it, over one database and another in turns."""

import time
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.measure import Keywords

TURNS = 15


def first_pages(databases: Sequence[Keywords]) -> list[list[float]]:
    """The seconds of each answer, for each database; stops where a query counts the table or reads the evidence."""
    here = connection.settings_dict["NAME"]
    try:
        clients = [_signed_in(keywords) for keywords in databases]
        taken: list[list[float]] = [[] for _ in databases]
        for _ in range(TURNS):
            for number, keywords in enumerate(databases):
                _use(keywords["dbname"])
                # The first answer of a connection makes it.
                _open(clients[number])
                began = time.perf_counter()
                _open(clients[number])
                taken[number].append(time.perf_counter() - began)
    finally:
        _use(here)
    return taken


def _signed_in(keywords: Keywords) -> Client:
    _use(keywords["dbname"])
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("bench"))
    with CaptureQueriesContext(connection) as queries:
        _open(client)
    for query in queries:
        if "link_audit" in query["sql"] and ("COUNT(" in query["sql"] or "evidence_jsonb" in query["sql"]):
            raise SystemExit(f"The list counts the table or reads the evidence: {query['sql']}")
    return client


def _open(client: Client) -> None:
    answer = client.get(reverse("admin:linkaudit_linkaudit_changelist"))
    if answer.status_code != 200 or b"result_list" not in answer.content:
        raise SystemExit(f"The list answers {answer.status_code}.")


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
