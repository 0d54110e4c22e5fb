"""House rules for the tracked files, and proof that the linters with rules of the project can fail."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MODULE = 400


def list_tracked_files(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert files
    return [file for file in files if file.exists()]


def test_no_binary_is_tracked_but_images_of_docs() -> None:
    images = set((ROOT / "docs").glob("*.png"))
    assert [file for file in list_tracked_files() if b"\0" in file.read_bytes() and file not in images] == []


def test_modules_are_short() -> None:
    modules = [file for file in list_tracked_files("*.py") if file.relative_to(ROOT).parts[0] != "tests"]
    assert [file for file in modules if file.read_bytes().count(b"\n") > LONGEST_MODULE] == []


def test_modules_are_named_by_what_they_hold() -> None:
    vague = {"common", "helpers", "misc", "util", "utils"}
    # The glossary of codespell has the others of these, which do not name a thing.
    vague |= {"door", "drawn", "kept", "look", "looking", "ways", "words"}
    assert [file for file in list_tracked_files("*.py") if file.stem in vague] == []


def test_changelog_starts_with_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0].split()[0] == version


def test_lint_finds_every_entry_of_the_glossary(tmp_path: Path) -> None:
    glossary = (ROOT / ".codespell/glossary.txt").read_text().splitlines()
    entries = [line.partition("->")[0] for line in glossary]
    # An old word is found alone and as a part of an identifier.
    lines = [line for entry in entries for line in (entry, f"is_{entry}_x" if entry.isalpha() else entry)]
    sample = tmp_path / "sample.txt"
    sample.write_text("\n".join(lines))
    # The command of `make lint`, for the sample.
    commands = subprocess.run(["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = [line.replace(" . ", f" {sample} ") for line in commands.splitlines() if "codespell" in line]
    found = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert [int(number) for number in re.findall(r"sample.txt:(\d+): ", found.stdout)] == list(range(1, len(lines) + 1))
    assert found.returncode == 65


# For each contract of import-linter, a module and an import that breaks it.
FORBIDDEN_IMPORTS = {
    "apps": ("securities/queries/__init__.py", "linkaudit.claims"),
    "foundation": ("ncfd_site/config/__init__.py", "ncfd_site.core.sql"),
    "no-app": ("ncfd_site/core/__init__.py", "storage.apps"),
    "deploy": ("ncfd_site/schema/catalog.py", "ncfd_site.web.health"),
    "modules": ("linkaudit/review/queries.py", "linkaudit.review.services"),
    "reads": ("storage/models.py", "linkaudit.services"),
    "writes": ("linkaudit/services.py", "linkaudit.urls"),
    "cycles": ("signals/formulas.py", "signals.trials.labels"),
}


def test_every_import_contract_can_fail(tmp_path: Path) -> None:
    for app in ("ncfd_site", "storage", "securities", "linkaudit", "signals"):
        shutil.copytree(ROOT / app, tmp_path / app, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, forbidden in FORBIDDEN_IMPORTS.values():
        with (tmp_path / module).open("a") as file:
            file.write(f"\nimport {forbidden}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert f"Contracts: 0 kept, {len(FORBIDDEN_IMPORTS)} broken." in printed
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == FORBIDDEN_IMPORTS.keys()
