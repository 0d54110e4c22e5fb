import re
import subprocess
import sys

import pytest

from tests.environment.commands import ROOT

REQUIREMENTS = ROOT / "requirements"
LAYERS = ["base", "prod", "dev"]


def pins(layer: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", (REQUIREMENTS / f"{layer}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_line_of_the_in_files_says_what_it_is_for(layer: str) -> None:
    lines = (REQUIREMENTS / f"{layer}.in").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert packages
    assert [line for line in packages if not re.search(r"  # \S", line)] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_every_package_is_pinned_and_hashed(layer: str) -> None:
    text = (REQUIREMENTS / f"{layer}.txt").read_text()
    packages = [block for block in re.split(r"\n(?=[a-z0-9])", text) if re.match("[a-z0-9]", block)]
    assert packages
    assert [
        block for block in packages if not re.match(r"\S+==\S+ (; .*)?\\\n    --hash=sha256:[0-9a-f]{64}", block)
    ] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_place_of_a_machine_is_written_down(layer: str) -> None:
    text = (REQUIREMENTS / f"{layer}.txt").read_text()
    assert re.findall(r"^--|://|file:/|\s/\S*", text, re.MULTILINE) == []


def test_layers_agree() -> None:
    assert pins("base").items() <= pins("prod").items() <= pins("dev").items()


def test_txt_files_are_as_new_as_the_in_files() -> None:
    command = [sys.executable, str(REQUIREMENTS / "compile.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
