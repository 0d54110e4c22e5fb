"""Compile the .in files here to pinned and hashed .txt files; with --check, only tell whether that is due.

`make requirements` compiles and keeps the pins that still fit; `make requirements UPGRADE=1` takes the newest.
The text of the .in files goes into each .txt as a digest, so that the check needs no network.
"""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Each one includes the one before it, and keeps to its pins.
LAYERS = ["base", "prod", "dev"]
DIGEST = "# Compiled from .in files with the digest "


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--check", action="store_true", help="exit 1 when the .txt files are older than the .in files"
    )
    arguments.add_argument("--upgrade", action="store_true", help="take the newest versions that the .in files allow")
    options = arguments.parse_args()
    if options.check:
        check()
        return
    for number, layer in enumerate(LAYERS):
        compile_layer(layer, LAYERS[:number], upgrade=options.upgrade)


def check() -> None:
    """Leave with a sentence unless every .txt file was compiled from the .in files as they are."""
    for layer in LAYERS:
        file = HERE / f"{layer}.txt"
        if not file.exists() or not file.read_text().startswith(DIGEST + digest(layer)):
            sys.exit(f"requirements/{layer}.txt is older than its .in files: run `make requirements`.")


def compile_layer(layer: str, below: list[str], *, upgrade: bool) -> None:
    """Write `layer`.txt."""
    file = HERE / f"{layer}.txt"
    # Places to find packages that this machine is set up with must not leak into the result.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL")
    }
    environment |= {"PIP_CONFIG_FILE": os.devnull, "CUSTOM_COMPILE_COMMAND": "make requirements"}
    command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--no-config", "--generate-hashes"]
    command += ["--strip-extras", "--allow-unsafe", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--no-emit-trusted-host", "--output-file", file.name]
    for name in below:
        command += ["--constraint", f"{name}.txt"]
    subprocess.run(
        [*command, *(["--upgrade"] if upgrade else []), f"{layer}.in"], cwd=HERE, env=environment, check=True
    )
    file.write_text(f"{DIGEST}{digest(layer)}\n{file.read_text()}")


def digest(layer: str) -> str:
    """The digest of the .in files that go into the layer."""
    names = LAYERS[: LAYERS.index(layer) + 1]
    return hashlib.sha256(b"".join((HERE / f"{name}.in").read_bytes() for name in names)).hexdigest()


if __name__ == "__main__":
    main()
