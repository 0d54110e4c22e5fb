"""`python -m tests.visual`: take the pictures of all pages over a fresh demonstration, and compare them.

Exit code 1: a picture has changed, is new or is missing, or a page has a problem. `--accept` makes the taken pictures
the accepted ones; the folder is not part of the repository. `--docs` updates the pictures of the documentation.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".ncfd-visual"
TAKEN, ACCEPTED, DIFFERENCES = (FOLDER / name for name in ("taken", "accepted", "differences"))
PREPARATION = (
    ("migrate", "--verbosity", "0", "--skip-checks"),
    ("migrate_alembic",),
    ("load_demonstration",),
    ("create_demonstration_users",),
)
START_SECONDS = 60


def main() -> int:
    """Take, compare, report; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.visual", description="Pictures of every page, compared.")
    parser.add_argument("--accept", action="store_true", help="make the pictures that were taken the accepted ones")
    parser.add_argument("--docs", action="store_true", help="update the pictures in docs/")
    parser.add_argument("--only", default="", metavar="TEXT", help="take only pages with TEXT in their name")
    options = parser.parse_args()
    for folder in (TAKEN, DIFFERENCES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    # The embedded server may still be writing its last files when it is removed.
    with tempfile.TemporaryDirectory(prefix="ncfd-", ignore_cleanup_errors=True) as home:
        problems = take_pictures(Path(home), options.only)
    from tests.visual.comparison import compare_pictures, write_report

    if options.accept:
        ACCEPTED.mkdir(exist_ok=True)
        for file in ACCEPTED.glob("*.png"):
            if options.only in file.name.partition(".")[0]:
                file.unlink()
        shutil.copytree(TAKEN, ACCEPTED, dirs_exist_ok=True)
    compared = [
        one for one in compare_pictures(ACCEPTED, TAKEN, DIFFERENCES) if options.only in one.name.partition(".")[0]
    ]
    write_report(FOLDER / "index.html", compared, problems)
    if options.docs:
        update_docs()
    counts = {result: sum(one.result == result for one in compared) for result in ("changed", "new", "missing", "same")}
    print("Pictures:", ", ".join(f"{count} {result}" for result, count in counts.items()))  # noqa: T201
    for problem in problems:
        print(f"Problem: {problem}")  # noqa: T201
    print(f"Report: {FOLDER / 'index.html'}")  # noqa: T201
    return 1 if problems or counts["same"] < len(compared) else 0


def take_pictures(home: Path, only: str) -> list[str]:
    """Load the demonstration into a folder, and take pages with this text in their name; return their problems."""
    os.environ["NCFD_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
    for arguments in PREPARATION:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    import django
    from playwright.sync_api import sync_playwright

    django.setup()
    from tests.visual.pictures import PAGES, Photographer, find_pages_without_picture

    passwords = {
        name: one["password"] for name, one in json.loads((home / "demonstration_users.json").read_text()).items()
    }
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    options = ["--disable-gpu", "--no-sandbox"] if os.geteuid() == 0 else ["--disable-gpu"]
    with run_server() as base_url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        photographer = Photographer(browser, base_url, passwords, TAKEN, datetime.now(UTC).date().isoformat())
        for page in PAGES:
            if only in page.name:
                photographer.take_page(page)
        if only in "error":
            photographer.take_failures()
        if only in "part":
            photographer.take_components()
        photographer.close()
        browser.close()
    missing = find_pages_without_picture(page.pattern for page in PAGES)
    return photographer.problems + [f"{pattern} has no picture" for pattern in missing]


@contextmanager
def run_server() -> Iterator[str]:
    """Serve the demonstration on a free port; yield the URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", "--noreload", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=(FOLDER / "server.log").open("w"),
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urlopen(f"{url}/healthz").close()  # noqa: S310
                break
            except URLError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"The server did not start; see {FOLDER / 'server.log'}.") from None
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait()


def update_docs() -> None:
    """Write the light pictures that the documentation shows, cut to their height."""
    from PIL import Image

    from tests.visual.comparison import compare_pictures
    from tests.visual.pictures import PAGES

    cut = FOLDER / "docs"
    cut.mkdir(exist_ok=True)
    for page in PAGES:
        taken = TAKEN / f"{page.name}.light.png"
        if page.docs and taken.exists():
            with Image.open(taken) as picture:
                picture.convert("RGB").crop((0, 0, picture.width, min(page.docs[1], picture.height))).save(
                    cut / f"{page.docs[0]}.png", optimize=True
                )
    for one in compare_pictures(ROOT / "docs", cut, DIFFERENCES):
        if one.result in ("changed", "new"):
            shutil.copy(cut / one.name, ROOT / "docs")


if __name__ == "__main__":
    sys.exit(main())
