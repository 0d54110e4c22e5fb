import re
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.config.commands import ROOT

REQUIREMENTS = ROOT / "requirements"
LAYERS = ["base", "prod", "dev"]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; .*)? \\$", re.MULTILINE)


def read_pins(layer: str) -> set[tuple[str, str]]:
    return set(PIN.findall((REQUIREMENTS / f"{layer}.txt").read_text()))


def read_requirement_lines(layer: str) -> list[str]:
    lines = (REQUIREMENTS / f"{layer}.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_requirement_has_a_reason(layer: str) -> None:
    lines = read_requirement_lines(layer)
    assert lines
    assert [line for line in lines if not re.search(r"  # \S", line)] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_every_requirement_has_a_fitting_pin(layer: str) -> None:
    pins = dict(read_pins(layer))
    for line in read_requirement_lines(layer):
        requirement = Requirement(line.partition("#")[0].strip())
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), line


@pytest.mark.parametrize("layer", LAYERS)
def test_every_package_is_pinned_and_hashed(layer: str) -> None:
    text = (REQUIREMENTS / f"{layer}.txt").read_text()
    packages = [block for block in re.split(r"\n(?=[a-z0-9])", text) if re.match("[a-z0-9]", block)]
    assert packages
    assert [
        block for block in packages if not re.match(r"\S+==\S+ (; .*)?\\\n    --hash=sha256:[0-9a-f]{64}", block)
    ] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_index_and_no_path_is_recorded(layer: str) -> None:
    text = (REQUIREMENTS / f"{layer}.txt").read_text()
    assert re.findall(r"^--|://|file:/|\s/\S*", text, re.MULTILINE) == []


def test_layers_agree() -> None:
    assert read_pins("base") <= read_pins("prod") <= read_pins("dev")


def test_requirements_are_compiled() -> None:
    checked = subprocess.run(
        ["sh", str(REQUIREMENTS / "compile"), "--check"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
