"""Pages of the site with many trials, scores and signals, compared with a small part of them."""

import statistics
from collections.abc import Iterator, Mapping

import psycopg
from django.urls import reverse

from bench.answers import Page, answers
from bench.measure import Keywords, Row, scratch
from bench.trials import fill

FEW, MANY = 5_000, 50_000
FULL_FEW, FULL_MANY = 10_000, 1_000_000
RUNS = 10
TURNS = 9
MOST_QUERIES = 12
# Both databases have this trial, company and ticker.
TRIAL, CIK, TICKER, RUN = "NCT00000040", 1_000_001, "T1", f"run {RUNS - 4:03}"


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each page."""
    sizes = (FULL_FEW, FULL_MANY) if full else (FEW, MANY)
    with scratch() as few, scratch() as many:
        for keywords, trials in zip((few, many), sizes, strict=True):
            fill(keywords, trials, RUNS)
        pages = answers([few, many], addresses(), TURNS)
        size = f"{_sizes(many)}; {sizes[1] // sizes[0]} times as many"
    for name, page in pages.items():
        yield _row(name, page, size)


def addresses() -> Mapping[str, str]:
    """Return the addresses of the measured pages by name."""
    trials, compare = reverse("risk:trials"), reverse("risk:compare")
    search = f"{reverse('search')}?panel=1&q="
    companies, api = reverse("companies:companies"), reverse("api")
    return {
        "trials that read out": trials,
        "trials by risk": f"{trials}?filter=none",
        "trials by change": f"{trials}?filter=none&order=change",
        "trials by readout": f"{trials}?filter=none&order=readout",
        "trials by readout, then risk": f"{trials}?filter=none&order=readout,risk",
        "trials by number": f"{trials}?filter=none&order=number",
        "trials of a phase": f"{trials}?phase=PHASE2",
        "trials with a gate": f"{trials}?gate=G1",
        "trials with a signal": f"{trials}?signal=S9",
        "trials in a band": f"{trials}?band=50",
        "trials of a ticker": f"{trials}?ticker={TICKER}",
        "trials of an earlier run": f"{trials}?run={RUN}",
        "trials found by number": f"{trials}?q={TRIAL}",
        "trials found by name": f"{trials}?q=Bench+Therapeutics+1",
        "trials found by ticker": f"{trials}?q={TICKER}",
        "two runs": compare,
        "why": reverse("why:trial", args=[TRIAL]),
        "why, an earlier run": f"{reverse('why:trial', args=[TRIAL])}?run={RUN}",
        "record": reverse("why:record", args=[TRIAL]),
        "companies": companies,
        "companies by risk": f"{companies}?sort=-p_fail",
        "a company": reverse("companies:company", args=[CIK]),
        "a ticker": reverse("companies:ticker", args=[TICKER]),
        "sponsors without company": reverse("companies:sponsors"),
        "dashboard": reverse("home"),
        "errors": reverse("errors"),
        "search for a trial": f"{search}{TRIAL}",
        "search for a name": f"{search}bench",
        "search for a ticker": f"{search}{TICKER}",
        "API: trials": f"{api}trials",
        "API: a trial": f"{api}trials/{TRIAL}",
    }


def _row(name: str, page: Page, size: str) -> Row:
    few, many = page.seconds
    return Row(
        name,
        "with few",
        size,
        f"{statistics.median(many) * 1000:.0f} ms",
        f"{statistics.median(few) * 1000:.0f} ms",
        statistics.median(ours / base for ours, base in zip(many, few, strict=True)),
        f"goal: at most 1.5; {len(page.queries)} queries, at most {MOST_QUERIES}",
    )


def _sizes(keywords: Keywords) -> str:
    with psycopg.connect(**keywords) as connection:
        counted = [
            connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)  # noqa: S608 (constants)
            for table in ("trials", "scores", "signals")
        ]
    trials, scores, signals = (number for (number,) in counted)
    return f"{trials:,} trials, {scores:,} scores, {signals:,} signals"
