"""Runs on generated live databases keep everything, or refuse before they write."""

import os
from collections import Counter

import pytest

from tests.databases import Keywords
from tests.migration.generator.check import check_seed

QUICK = 40
SEEDS = 1_000


@pytest.mark.parametrize("seed", range(QUICK))
def test_a_run_keeps_everything_or_writes_nothing(embedded: Keywords, worker: str, seed: int) -> None:
    check_seed(embedded, seed, f"ncfd_generated_{worker}_{os.getpid()}")


@pytest.mark.soak
def test_a_thousand_databases(server: Keywords, worker: str) -> None:
    codes = Counter(
        check_seed(server, seed, f"ncfd_generated_{worker}_{os.getpid()}").code for seed in range(QUICK, SEEDS)
    )
    # Most databases reach head; a generator whose databases are all refused proves nothing.
    assert codes[0] > SEEDS * 0.7, codes


@pytest.mark.parametrize(
    "seed",
    [
        54,  # A sequence behind its rows: a probe of access drew an ID in use.
        105,  # A sequence of another name than its column at head.
        108,  # A user's search path on a function that later has its own.
        151,  # LEAKPROOF, which only a superuser may put back: asked for, and reported at the end.
        881,  # PARALLEL RESTRICTED on a function that our definition makes PARALLEL SAFE.
    ],
)
def test_seeds_that_failed(server: Keywords, worker: str, seed: int) -> None:
    check_seed(server, seed, f"ncfd_generated_{worker}_{os.getpid()}")
