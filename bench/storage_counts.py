"""Cost of reference counting compared with a bare UPDATE of the same rows, and the gain of batches."""

import statistics
from collections.abc import Iterator

import psycopg

from bench.measure import Keywords, Row, manage, scratch
from bench.objects import SHA256, count_drifted_objects, fill_store
from bench.pgbench import alternating, ratio, require_durable

OBJECTS = 10_000
CLIENTS = 32
BATCH = 1_000

# The same table with every index and without triggers: the cost of an unguarded count.
_BARE_TABLE = """
    CREATE TABLE bench_bare (LIKE storage_objects INCLUDING ALL);
    INSERT INTO bench_bare SELECT * FROM storage_objects;
    CREATE TABLE bench_references (LIKE storage_references INCLUDING ALL);
    CREATE SEQUENCE bench_numbers CACHE 100;
"""
_PICK = f"\\set n random(1, {OBJECTS})\n"
_HOT = "\\set n 1\n"
_SAME = f"""UPDATE storage_objects SET last_accessed = clock_timestamp()
    WHERE sha256 = {SHA256.format(":n")} AND backend_type = 'local';"""  # noqa: S608 (constants)
_BARE = f"""UPDATE bench_bare SET refcount = refcount + 1, last_accessed = clock_timestamp()
    WHERE sha256 = {SHA256.format(":n")} AND backend_type = 'local';"""  # noqa: S608 (constants)
# The two writes of an increment without lock, key or order.
_UNGUARDED = f"""WITH added AS (
        INSERT INTO bench_references (object_id, reference_type, referenced_id)
        SELECT object_id, 'bench', nextval('bench_numbers') FROM bench_bare
        WHERE sha256 = {SHA256.format(":n")} AND backend_type = 'local' RETURNING object_id
    )
    UPDATE bench_bare o SET refcount = refcount + 1, last_accessed = clock_timestamp()
    FROM added WHERE o.object_id = added.object_id;"""  # noqa: S608 (constants)
_SINGLE = f"SELECT increment_storage_refcount({SHA256.format(':n')}, 'local', 'bench', nextval('bench_numbers'));"
_BATCH = f"""SELECT count(*) FROM increment_storage_refcounts(
    ARRAY(SELECT {SHA256.format(f"(1 + (:n + i) % {OBJECTS})")} FROM generate_series(1, {BATCH}) i),
    array_fill('local'::text, ARRAY[{BATCH}]), array_fill('bench'::text, ARRAY[{BATCH}]),
    ARRAY(SELECT nextval('bench_numbers') FROM generate_series(1, {BATCH})));"""  # noqa: S608 (constants)


def measure(full: bool) -> Iterator[Row]:
    """Return rows for many objects, one hot object, and batches with one client and with many."""
    seconds, times = (4, 7) if full else (2, 5)
    with scratch() as keywords:
        require_durable(keywords)
        manage(keywords, "migrate_alembic")
        fill_store(keywords, OBJECTS, 0)
        with psycopg.connect(**keywords) as connection:
            connection.execute(_BARE_TABLE)
        for protocol in ("simple", "prepared"):
            for size, pick, goal in ((f"{OBJECTS:,} objects", _PICK, 0.75), ("one object", _HOT, 0.65)):
                yield from _increments(keywords, size, pick, goal, seconds, times, protocol)
        for clients in (1, CLIENTS):
            yield _batches(keywords, clients, seconds, times)
        wrong = count_drifted_objects(keywords)
        if wrong:
            raise SystemExit(f"{wrong} counts are wrong after the increments.")


def _increments(
    keywords: Keywords, size: str, pick: str, goal: float, seconds: int, times: int, protocol: str
) -> Iterator[Row]:
    rates = alternating(
        keywords,
        {"same": pick + _SAME, "bare": pick + _BARE, "unguarded": pick + _UNGUARDED, "counted": pick + _SINGLE},
        clients=CLIENTS,
        seconds=seconds,
        times=times,
        tables=("storage_objects", "storage_references", "bench_bare", "bench_references"),
        protocol=protocol,
    )
    wanted = f"goal: at least {goal}; " if protocol == "simple" else ""
    for baseline, words, note in (
        ("same", "bare UPDATE of the table", f"{wanted}median of {times} turns, durable commits"),
        ("bare", "UPDATE of the count in a copy", "the copy has all indexes and no triggers"),
        ("unguarded", "INSERT and UPDATE, unguarded", "the same writes without lock, key, and triggers"),
    ):
        yield Row(
            "increment_storage_refcount, new references",
            words,
            f"{size}, {CLIENTS} clients, {protocol}",
            f"{statistics.median(rates['counted']):,.0f}/s",
            f"{statistics.median(rates[baseline]):,.0f}/s",
            ratio(rates, "counted", baseline),
            note,
        )


def _batches(keywords: Keywords, clients: int, seconds: int, times: int) -> Row:
    rates = alternating(
        keywords,
        {"single": _PICK + _SINGLE, "batch": _PICK + _BATCH},
        clients=clients,
        seconds=seconds,
        times=times,
        tables=("storage_objects", "storage_references"),
    )
    batches = {"single": rates["single"], "batch": [BATCH * each for each in rates["batch"]]}
    return Row(
        f"increment_storage_refcounts, {BATCH:,} at once",
        "single calls",
        f"{OBJECTS:,} objects, {clients} client{'s' if clients > 1 else ''}",
        f"{statistics.median(batches['batch']):,.0f} references/s",
        f"{statistics.median(batches['single']):,.0f} references/s",
        ratio(batches, "batch", "single"),
        "goal: at least 5" if clients == 1 else "the clients wait for each other: they share the objects",
    )
