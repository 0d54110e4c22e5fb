"""Response times of pages over two databases, in alternation."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.measure import Keywords


@dataclass(frozen=True, slots=True)
class Page:
    """Cost of a page: the seconds of each response by database, and the queries on the last database."""

    seconds: list[list[float]]
    queries: list[str] = field(default_factory=list)


def answers(databases: Sequence[Keywords], addresses: Mapping[str, str], turns: int) -> dict[str, Page]:
    """Return the cost of each page by its name in `addresses`; raise SystemExit on a status other than 200."""
    here = connection.settings_dict["NAME"]
    pages = {name: Page([[] for _ in databases]) for name in addresses}
    try:
        clients = [_signed_in(keywords) for keywords in databases]
        for _ in range(turns):
            for number, keywords in enumerate(databases):
                _use(keywords["dbname"])
                for name, address in addresses.items():
                    # The first response opens the connection and fills the caches.
                    _open(clients[number], address)
                    began = time.perf_counter()
                    _open(clients[number], address)
                    pages[name].seconds[number].append(time.perf_counter() - began)
        for name, address in addresses.items():
            with CaptureQueriesContext(connection) as queries:
                _open(clients[-1], address)
            pages[name].queries.extend(query["sql"] for query in queries)
    finally:
        _use(here)
    return pages


def _signed_in(keywords: Keywords) -> Client:
    _use(keywords["dbname"])
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("bench"))
    return client


def _open(client: Client, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answers {answer.status_code}.")


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
