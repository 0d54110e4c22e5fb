"""Cost of a decision with many links and with many reviewers, and of the first page of the list of links."""

import statistics
import time
from collections.abc import Iterator

import psycopg

from bench.listing import first_pages
from bench.measure import Keywords, Row, manage, scratch
from bench.pgbench import alternating, ratio, require_durable

FEW, MANY = 5_000, 500_000
FULL_FEW, FULL_MANY = 10_000, 10_000_000
HEURISTICS = 20
SAMPLE, DECISIONS = 400, 30
TURNS = 5
CLIENTS = 16
# Links that the baseline UPDATE changes.
BARE = 50_000
HEURISTIC, OTHER = "HP-1", "HP-2"
MOST_SLOTS = 100_000

_FILL = """
    SET session_replication_role = replica;
    INSERT INTO documents (source_type, storage_uri, sha256) VALUES ('Paper', 'local://x', repeat('0', 64));
    INSERT INTO assets (names_jsonb) VALUES ('{{"inn": "benchamab"}}');
    INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, confidence, heuristic_applied, evidence_jsonb,
                            created_at)
    SELECT 1, 1, 'NCT' || lpad(n::text, 8, '0'), 'intervention_of_trial', 0.9, 'HP-' || 1 + n % {heuristics},
           jsonb_build_object('quote', md5(n::text)), timestamptz '2025-01-01 00:00Z' + n * interval '1 second'
    FROM generate_series(1, {links}) n;
    RESET session_replication_role;
"""
# Past decisions: one link in ten has one.
_PAST = """
    SET session_replication_role = replica;
    INSERT INTO link_reviews (audit_id, doc_id, asset_id, heuristic, decision, label_source, reviewer, mode)
    SELECT n, 1, 1, 'HP-' || 1 + n % {heuristics}, 'right', 'human_review', 'past ' || n % 50, 'queue'
    FROM generate_series(10, {links}, 10) n;
    RESET session_replication_role;
"""
_DRAW = "SELECT draw_review_sample(%s, %s, 0, 'precision', 1, 'bench')"
_CLAIM = "SELECT lease_token FROM claim_review_slot(%s, NULL, interval '15 minutes')"
_SUBMIT = "SELECT outcome FROM submit_review(%s, %s, 'right', NULL, 5)"
_TIDY = "VACUUM ANALYZE link_audit, link_reviews, review_slots, review_samples, link_disagreements"
_BARE_TABLE = f"""
    CREATE TABLE bench_bare (LIKE link_audit INCLUDING ALL);
    INSERT INTO bench_bare SELECT * FROM link_audit ORDER BY audit_id LIMIT {BARE};
"""  # noqa: S608 (constants)
_BARE_UPDATE = f"""
    \\set n random(1, {BARE})
    UPDATE bench_bare SET label = true, label_source = 'human_review', reviewed_by = 'bench',
           reviewed_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE audit_id = :n;
"""  # noqa: S608 (constants)
# Each client is another reviewer, with two commits for a decision: claim and label.
_DECISION = """
    SELECT lease_token AS token FROM claim_review_slot('bench ' || :client_id, {sample}, interval '15 minutes') \\gset
    SELECT outcome FROM submit_review(:token::uuid, 'bench ' || :client_id, 'right', NULL, 5);
"""
# Decisions without slot, finished slots without decision, and links with two decisions.
_LOST = """
    SELECT (SELECT count(*) FROM link_reviews WHERE reviewer LIKE 'bench %'),
           (SELECT count(*) FROM review_slots WHERE state = 'done' AND reviewer LIKE 'bench %'),
           (SELECT count(DISTINCT audit_id) FROM link_reviews WHERE reviewer LIKE 'bench %'),
           (SELECT count(*) FROM link_audit WHERE label AND reviewed_by LIKE 'bench %')
"""


def measure(full: bool) -> Iterator[Row]:
    """Return rows for one reviewer, for sixteen, and for the first page of the list."""
    sizes = (FULL_FEW, FULL_MANY) if full else (FEW, MANY)
    with scratch() as few, scratch() as many:
        require_durable(many)
        for keywords, links in zip((few, many), sizes, strict=True):
            fill(keywords, links)
        size = f"{sizes[1]:,} links against {sizes[0]:,}"
        yield _one_reviewer(few, many, size)
        yield _many_reviewers(many, f"{sizes[1]:,} links, {CLIENTS} clients", *((5, 9) if full else (2, 5)))
        yield _list(few, many, size)


def fill(keywords: Keywords, links: int) -> None:
    """Migrate a database to head and insert links, decisions on a tenth of them, and a sample."""
    manage(keywords, "migrate", "--verbosity=0")
    manage(keywords, "migrate_alembic")
    manage(keywords, "migrate", "--verbosity=0")
    with psycopg.connect(**keywords, autocommit=True) as connection:
        for statement in (_FILL, _PAST):
            connection.execute(statement.format(links=links, heuristics=HEURISTICS).encode())
        connection.execute(_DRAW, [HEURISTIC, min(SAMPLE, links // HEURISTICS)])
        connection.execute(_TIDY.encode())


def _one_reviewer(few: Keywords, many: Keywords, size: str) -> Row:
    taken: dict[str, list[float]] = {"few": [], "many": []}
    for number in range(TURNS):
        for name, keywords in (("few", few), ("many", many)):
            taken[name].append(_time_decisions(keywords, f"rita {number}", DECISIONS))
    ratios = [ours / base for ours, base in zip(taken["many"], taken["few"], strict=True)]
    return Row(
        "claim and decision",
        "with few links",
        size,
        f"{statistics.median(taken['many']) * 1000:.2f} ms",
        f"{statistics.median(taken['few']) * 1000:.2f} ms",
        statistics.median(ratios),
        f"goal: at most 1.5; median of {TURNS} turns of {DECISIONS}",
    )


def _time_decisions(keywords: Keywords, reviewer: str, count: int) -> float:
    """Return the median seconds of a claim and a decision."""
    taken = []
    with psycopg.connect(**keywords, autocommit=True) as connection:
        for _ in range(count):
            began = time.perf_counter()
            token = connection.execute(_CLAIM, [reviewer]).fetchone()
            outcome = connection.execute(_SUBMIT, [token[0] if token else None, reviewer]).fetchone()
            taken.append(time.perf_counter() - began)
            if outcome != ("recorded",):
                raise SystemExit(f"A decision was not recorded: {outcome}.")
    return statistics.median(taken)


def _many_reviewers(keywords: Keywords, size: str, seconds: int, times: int) -> Row:
    with psycopg.connect(**keywords, autocommit=True) as connection:
        connection.execute(_BARE_TABLE.encode())
        # More slots than the clients can finish.
        sample = connection.execute(_DRAW, [OTHER, MOST_SLOTS]).fetchone()
    rates = alternating(
        keywords,
        {"bare": _BARE_UPDATE, "decisions": _DECISION.format(sample=sample[0] if sample else "NULL")},
        clients=CLIENTS,
        seconds=seconds,
        times=times,
        tables=("link_audit", "link_reviews", "review_slots", "bench_bare"),
    )
    with psycopg.connect(**keywords) as connection:
        decisions, slots, links, labels = connection.execute(_LOST.encode()).fetchone() or (0, 0, 0, 0)
    if not decisions == slots == links == labels:
        raise SystemExit(
            f"Decisions were lost or recorded twice: {decisions} decisions on {links} links, {slots} finished slots,"
            f" {labels} labels."
        )
    return Row(
        "decisions of 16 reviewers on one heuristic",
        "bare UPDATE, no triggers",
        size,
        f"{statistics.median(rates['decisions']):,.0f}/s",
        f"{statistics.median(rates['bare']):,.0f}/s",
        ratio(rates, "decisions", "bare"),
        f"goal: at least 0.2; {decisions:,} decisions, none lost, none double; durable commits",
    )


def _list(few: Keywords, many: Keywords, size: str) -> Row:
    taken = first_pages([few, many])
    return Row(
        "first page of the admin's list of links",
        "with few links",
        size,
        f"{statistics.median(taken[1]) * 1000:.0f} ms",
        f"{statistics.median(taken[0]) * 1000:.0f} ms",
        statistics.median(ours / base for base, ours in zip(*taken, strict=True)),
        "goal: at most 2; whole response, no COUNT over the table",
    )
