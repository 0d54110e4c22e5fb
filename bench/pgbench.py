"""PostgreSQL's own load generator: so many clients that run one statement over and over."""

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bench.measure import Keywords
from ncfd_site.postgres.embedded import server

# What makes a commit wait for the disk. A figure that was taken without them says nothing about a server that counts.
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def require_durable(keywords: Keywords) -> None:
    """Stop unless commits on that server outlast a crash of the machine."""
    with psycopg.connect(**keywords) as connection:
        for name in _DURABLE:
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row != ("on",):
                raise SystemExit(f"The server has {name} switched off, so its commits are not durable: switch it on.")


def rate(keywords: Keywords, script: str, clients: int, seconds: int, protocol: str) -> float:
    """How many times a second the script went through; raises when one of them failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        threads = min(clients, 2)
        how = ["-n", "-M", protocol, "-c", str(clients), "-j", str(threads), "-T", str(seconds)]
        run = subprocess.run(
            [server.program("pgbench"), *how, "-f", str(file), make_conninfo(**keywords)],
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"^tps = ([\d.]+)", run.stdout, re.MULTILINE)
    if run.returncode or not found or "number of failed transactions: 0 " not in run.stdout:
        raise SystemExit(f"pgbench ended with {run.returncode}: {run.stderr}{run.stdout}")
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
    """The rates of scripts that take turns, so that what else the machine does falls on all of them alike.

    Before each turn the tables are vacuumed and a checkpoint is made: no script pays for the rows of another one.
    `protocol` is how a statement reaches the server: `simple`, as text that it parses and plans each time, which is how
    pgbench and psql talk unless told, or `prepared`.
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
    """The median of the ratios of each turn: a slow moment of the machine spoils one turn and not the result."""
    return statistics.median(ours / base for ours, base in zip(rates[candidate], rates[baseline], strict=True))
