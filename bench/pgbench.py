"""pgbench, PostgreSQL's load generator: clients that repeat one script."""

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bench.measure import Keywords
from ncfd_site.postgres.embedded import programs

# Settings that make a commit wait for the disk. Without them, a measurement is not valid for production.
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def require_durable(keywords: Keywords) -> None:
    """Raise SystemExit unless commits on the server survive a crash of the machine."""
    with psycopg.connect(**keywords) as connection:
        for name in _DURABLE:
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row != ("on",):
                raise SystemExit(
                    f"Cannot measure: {name} is off on the server, so commits are not durable. Switch it on."
                )


def rate(keywords: Keywords, script: str, clients: int, seconds: int, protocol: str) -> float:
    """Return the transactions per second; raise SystemExit if one failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        threads = min(clients, 2)
        how = ["-n", "-M", protocol, "-c", str(clients), "-j", str(threads), "-T", str(seconds)]
        run = subprocess.run(
            [programs.find_program("pgbench"), *how, "-f", str(file), make_conninfo(**keywords)],
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"^tps = ([\d.]+)", run.stdout, re.MULTILINE)
    if run.returncode or not found or "number of failed transactions: 0 " not in run.stdout:
        raise SystemExit(f"pgbench failed with exit code {run.returncode}: {run.stderr}{run.stdout}")
    return float(found[1])


def alternating(
    keywords: Keywords,
    scripts: dict[str, str],
    *,
    clients: int,
    seconds: int,
    times: int,
    tables: tuple[str, ...],
    protocol: str = "prepared",
) -> dict[str, list[float]]:
    """Return the rates of scripts that run alternately, so that other load on the machine affects all of them.

    A VACUUM and a CHECKPOINT before each turn keep scripts from paying for the rows of others. `protocol` is pgbench's:
    `simple` (text, parsed and planned each time) or `prepared`.
    """
    rates: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(times):
        for name, script in scripts.items():
            with psycopg.connect(**keywords, autocommit=True) as connection:
                connection.execute(f"VACUUM ANALYZE {', '.join(tables)}".encode())
                connection.execute("CHECKPOINT")
            rates[name].append(rate(keywords, script, clients, seconds, protocol))
    return rates


def ratio(rates: dict[str, list[float]], candidate: str, baseline: str) -> float:
    """Return the median of the ratios of each turn, so that a slow moment of the machine spoils one turn only."""
    return statistics.median(ours / base for ours, base in zip(rates[candidate], rates[baseline], strict=True))
