"""The queries of docs/analytics.md, word for word, over a snapshot of the demonstration: as PostgreSQL answers."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from django.db import connection
from django.test import override_settings

from ncfd_site.core.progress import NullReporter
from ncfd_site.demo.load import load
from storage.snapshots import export_snapshot
from tests.demo.days import TODAY

PAGE = (Path(__file__).parents[2] / "docs/analytics.md").read_text()
# The same questions in other words, by the number of the query.
POSTGRESQL = {
    1: """
        SELECT s.ticker, (c.scored_at AT TIME ZONE 'UTC')::date, count(*), max(c.p_fail), round(avg(c.p_fail), 4)
        FROM securities s JOIN trials t ON t.sponsor_company_id = s.company_id JOIN scores c USING (trial_id)
        WHERE s.effective_range @> (c.scored_at AT TIME ZONE 'UTC')::date AND c.run_id <> 'unfinished'
        GROUP BY 1, 2 ORDER BY 1, 2""",
    2: """
        SELECT t.nct_id, k.previous_p_fail, k.p_fail, k.change
        FROM trial_current_scores k JOIN trials t USING (trial_id) WHERE k.change IS NOT NULL
        ORDER BY abs(k.change) DESC, t.nct_id LIMIT 10""",
    3: """
        SELECT (date_trunc('week', evaluated_at AT TIME ZONE 'UTC'))::date, "G_id", count(*), round(avg(lr_used), 3)
        FROM gates WHERE fired_bool GROUP BY 1, 2 ORDER BY 1, 2""",
    4: """
        SELECT c.name, listed.tickers, count(*), max(k.p_fail), sum(k.p_fail)
        FROM companies c JOIN trials t ON t.sponsor_company_id = c.company_id
        JOIN trial_current_scores k ON k.trial_id = t.trial_id AND k.p_fail IS NOT NULL
        JOIN (SELECT s.company_id, string_agg(DISTINCT s.ticker, ' ' ORDER BY s.ticker) AS tickers
              FROM securities s JOIN exchanges e USING (exchange_id)
              WHERE e.is_allowed AND s.type IN ('common', 'adr') AND s.effective_range @> DATE '2026-11-22'
              GROUP BY s.company_id) AS listed ON listed.company_id = c.company_id
        GROUP BY c.company_id, listed.tickers ORDER BY 5 DESC, 1""",
    5: """
        SELECT heuristic_applied, total_links, correct_links + incorrect_links, correct_links, precision_rate
        FROM heuristic_precision_summary ORDER BY 1""",
    6: """
        SELECT floor(s.p_fail * 5) / 5, count(*), round(avg(s.p_fail), 3), round(avg((s.p >= 0.05)::int), 3)
        FROM (SELECT DISTINCT ON (c.trial_id) c.p_fail, o.p FROM scores c
              JOIN (SELECT trial_id, min(created_at) AS at, min(p_value) AS p FROM studies WHERE p_value IS NOT NULL
                    GROUP BY 1) AS o ON o.trial_id = c.trial_id AND o.at > c.scored_at
              WHERE c.run_id <> 'unfinished'
              ORDER BY c.trial_id, c.scored_at DESC, c.score_id DESC) AS s
        GROUP BY 1 ORDER BY 1""",
    7: """
        SELECT t.nct_id, t.sponsor_text, t.est_primary_completion_date, k.p_fail
        FROM trials t LEFT JOIN trial_current_scores k USING (trial_id)
        WHERE t.is_pivotal AND t.est_primary_completion_date - DATE '2026-11-22' BETWEEN 0 AND 60
        ORDER BY k.p_fail DESC NULLS LAST, t.nct_id""",
    8: """
        SELECT reviewer, (date_trunc('week', reviewed_at AT TIME ZONE 'UTC'))::date, count(*),
               count(nullif(decision <> 'unsure', true)), percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds::float8)
        FROM link_reviews WHERE mode = 'queue' AND decision <> 'undone' GROUP BY 1, 2 ORDER BY 1, 2""",
    9: """
        SELECT month::date, count(o.object_id), sum(o.size_bytes),
               (SELECT sum(size_bytes) FROM storage_objects
                WHERE created_at AT TIME ZONE 'UTC' < month + interval '1 month')
        FROM storage_objects o, date_trunc('month', o.created_at AT TIME ZONE 'UTC') AS month
        GROUP BY month ORDER BY 1""",
    10: """
        SELECT one, other, count(*), round(count(*) * (SELECT count(DISTINCT trial_id) FROM signals)::numeric
               / (SELECT count(*) FILTER (WHERE "S_id" = one) * count(*) FILTER (WHERE "S_id" = other) FROM signals), 3)
        FROM (SELECT a."S_id" AS one, b."S_id" AS other FROM signals a, signals b
              WHERE a.trial_id = b.trial_id AND a."S_id" < b."S_id") AS pairs
        GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2""",
}
# A run that is not complete: its scores count nowhere.
UNFINISHED = """
    INSERT INTO score_runs (run_id) VALUES ('unfinished');
    INSERT INTO scores (trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail, scored_at)
    SELECT s.trial_id, 'unfinished', 0.5, 0, 0, 0, 0.5, min(s.created_at) - interval '1 second'
    FROM studies s GROUP BY s.trial_id
"""
PARTS = {int(part[: part.index(".")]): part for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]}


def find_query(number: int, engine: str) -> str:
    (query,) = re.findall(rf"^```sql\n-- (?:.*\b)?{engine}\b.*\n([^`]+)^```$", PARTS[number], re.MULTILINE)
    return str(query)


def normalize(rows: list[Any]) -> list[tuple[Any, ...]]:
    """Return rows with numbers of one type."""
    return [
        tuple(round(float(value), 4) if isinstance(value, int | float | Decimal) else value for value in row)
        for row in rows
    ]


@pytest.mark.django_db(transaction=True)
def test_queries_answer_as_postgresql_does(tmp_path: Path, pytestconfig: pytest.Config, subtests: Any) -> None:
    destination = tmp_path / "snapshots"
    with override_settings(CONTENT_ROOT=tmp_path / "content"):
        assert load(TODAY)
    with connection.cursor() as cursor:
        cursor.execute(UNFINISHED)
    export_snapshot(str(destination), NullReporter())
    # The set-up of the page, too.
    (setup,) = re.findall(r"```python\n(import json, .*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(setup.replace('"DESTINATION"', repr(str(destination))), names)  # noqa: S102 (the documented text)
    with names["connection"] as duck:
        for number, question in POSTGRESQL.items():
            with subtests.test(PARTS[number].partition("\n")[0]), connection.cursor() as cursor:
                cursor.execute(question)
                expected = normalize(cursor.fetchall())
                assert expected
                assert normalize(duck.execute(find_query(number, "DuckDB")).fetchall()) == expected
                # Spark itself is no part of the tests; its query means the same in the dialect of DuckDB.
                (spark,) = sqlglot.transpile(find_query(number, "Spark"), read="spark", write="duckdb")
                assert normalize(duck.execute(spark).fetchall()) == expected


def test_there_are_ten_queries() -> None:
    assert list(PARTS) == list(POSTGRESQL) == list(range(1, 11))
    for number in PARTS:
        (parsed,) = sqlglot.parse(find_query(number, "Spark"), read="spark", error_level=sqlglot.ErrorLevel.RAISE)
        assert isinstance(parsed, sqlglot.exp.Select)
